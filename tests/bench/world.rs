//! A real coordinator in this process, on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use chimera_coordinator::{Config, Coordinator, Parts, ServeError, Stopped};
use chimera_core::sweep::Sweep;
use chimera_proto::v1;
use chimera_proto::v1::operator_service_client::OperatorServiceClient;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// Pause between two looks at a sweep: rare enough not to disturb what is measured.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A serving coordinator.
pub struct World {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<Result<Stopped, ServeError>>,
}

impl World {
    /// Starts a coordinator with its files in `folder`.
    pub async fn start(folder: &Path) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = Config { listen, data_dir: folder.to_path_buf(), ..Config::default() };
        let coordinator = Coordinator::build(config, Parts::default()).await.expect("a coordinator");
        let (address, stop) = (coordinator.local_addr(), CancellationToken::new());
        let serving = tokio::spawn(coordinator.serve(stop.clone().cancelled_owned()));
        Self { address, stop, serving }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until that many nodes can take trials.
    pub async fn ready(&self, nodes: usize) {
        loop {
            let answer = self.operator().await.list_nodes(v1::ListNodesRequest {}).await.expect("nodes");
            let ready = |node: &&v1::NodeStatus| node.state() == v1::NodeState::Ready;
            if answer.into_inner().nodes.iter().filter(ready).count() == nodes {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Submits a sweep.
    pub async fn submit(&self, sweep: &Sweep) {
        let request_id = format!("request-{}", sweep.name);
        let request = v1::SubmitSweepRequest { sweep: Some(sweep.into()), request_id };
        self.operator().await.submit_sweep(request).await.expect("an admitted sweep");
    }

    /// Waits until a sweep has ended, and checks that every trial counts.
    pub async fn finish(&self, sweep: &str, trials: u32) {
        loop {
            let request = v1::GetSweepRequest { sweep: sweep.to_owned() };
            let answer = self.operator().await.get_sweep(request).await.expect("a sweep");
            let status = answer.into_inner().status.expect("a status");
            if status.state() == v1::SweepState::Done {
                let counted = status.trials.expect("counts").counted;
                return assert_eq!(counted, trials, "some trials of {sweep} do not count");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Stops in order.
    pub async fn stop(self) {
        self.stop.cancel();
        self.serving.await.expect("a task that ends").expect("a clean stop");
    }

    async fn operator(&self) -> OperatorServiceClient<Channel> {
        let channel = Channel::from_shared(self.url()).expect("a URL").connect().await;
        OperatorServiceClient::new(channel.expect("a connection"))
    }
}
