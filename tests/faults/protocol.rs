//! Nodes of another protocol version are refused with the side to upgrade, and disturb nobody.

use chimera_proto::PROTOCOL_MAX;
use chimera_proto::v1::fleet_service_client::FleetServiceClient;
use chimera_proto::v1::{Hello, SessionRequest, session_request::Kind};
use chimera_tests::Rig;
use tonic::transport::Endpoint;
use tonic::{Code, Status};

async fn refusal(url: String, min: u32, max: u32) -> Status {
    let mut client = FleetServiceClient::new(Endpoint::from_shared(url).unwrap().connect().await.unwrap());
    let hello = Hello { protocol_min: min, protocol_max: max, process_nonce: 7, ..Hello::default() };
    let first = SessionRequest { kind: Some(Kind::Hello(hello)) };
    let session = client.session(tokio_stream::iter([first])).await;
    match session {
        Err(status) => status,
        Ok(answers) => answers.into_inner().message().await.expect_err("a session was opened"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_is_refused_with_the_side_to_upgrade() {
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let newer = refusal(rig.url(), PROTOCOL_MAX + 1, PROTOCOL_MAX + 4).await;
    assert_eq!(newer.code(), Code::FailedPrecondition, "{newer}");
    assert!(newer.message().contains("upgrade chimera-coordinator"), "{newer}");
    let older = refusal(rig.url(), 0, 0).await;
    assert_eq!(older.code(), Code::FailedPrecondition, "{older}");
    assert!(older.message().contains("upgrade chimera-node"), "{older}");
    let told = rig.chimera(&["nodes", "list", "--output", "json"]);
    assert_eq!((told.code, &told.json()["nodes"]), (0, &serde_json::json!([])), "{told:?}");
}
