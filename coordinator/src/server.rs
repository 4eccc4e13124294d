//! The gRPC server: every limit of the transport is set here, none is left to a default.

use std::time::Duration;

use chimera_core::scheduler::lease::{PING, PING_TIMEOUT};
use chimera_core::unit::Nanos;
use chimera_proto::v1::fleet_service_server::FleetServiceServer;
use chimera_proto::v1::operator_service_server::OperatorServiceServer;
use chimera_proto::{DESCRIPTORS, FRAME_MAX_BYTES};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::{Router, TcpIncoming};
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::gateway::Gateway;
use crate::operator::Operator;

/// Room of one stream that the peer may fill before it is read.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Room of one connection. h2 closes a connection whose unread small frames exceed half of this; sessions are always
/// read, and this leaves room for the moment in which they are not.
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// Most streams of one connection.
const STREAMS_MAX: u32 = 128;
/// Largest list of headers.
const HEADERS_MAX_BYTES: u32 = 16 * 1024;
/// Streams that a peer may reset before they are accepted, and that this side may reset because of a peer's faults.
const RESETS_MAX: usize = 32;

/// What the server serves.
pub(crate) struct Services<H: Health> {
    pub(crate) gateway: Gateway,
    pub(crate) operator: Operator,
    pub(crate) health: HealthServer<H>,
}

/// Serves until `stop`, then until every connection is closed.
pub(crate) async fn serve<H: Health>(
    services: Services<H>,
    incoming: TcpIncoming,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let incoming = incoming.with_nodelay(Some(true)).with_keepalive(Some(duration(PING)));
    router(services).serve_with_incoming_shutdown(incoming, stop.cancelled_owned()).await
}

fn router<H: Health>(services: Services<H>) -> Router {
    let fleet = FleetServiceServer::new(services.gateway);
    let operator = OperatorServiceServer::new(services.operator);
    let mut router = Server::builder()
        .http2_keepalive_interval(Some(duration(PING)))
        .http2_keepalive_timeout(Some(duration(PING_TIMEOUT)))
        .http2_adaptive_window(Some(false))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEADERS_MAX_BYTES)
        .http2_max_pending_accept_reset_streams(Some(RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(RESETS_MAX))
        .accept_http1(false)
        .add_service(
            fleet.max_decoding_message_size(FRAME_MAX_BYTES).max_encoding_message_size(FRAME_MAX_BYTES),
        )
        .add_service(
            operator.max_decoding_message_size(SPEC_MAX_BYTES).max_encoding_message_size(ANSWER_MAX_BYTES),
        )
        .add_service(services.health);
    // Both versions: older tools only know v1alpha.
    let reflection =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
    match reflection().build_v1() {
        Ok(service) => router = router.add_service(service),
        Err(error) => tracing::warn!(%error, "no reflection v1"),
    }
    match reflection().build_v1alpha() {
        Ok(service) => router = router.add_service(service),
        Err(error) => tracing::warn!(%error, "no reflection v1alpha"),
    }
    router
}

/// Largest call of an operator. Its largest part is the workload, which must fit into an offer, so a frame would do but
/// for explicit cells.
const SPEC_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Largest answer to an operator: lists of 10,000 nodes with their models.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;

const fn duration(span: Nanos) -> Duration {
    Duration::from_nanos(span.0)
}
