//! What operators may ask, and how they are refused.

use chimera_coordinator::{Limits, Parts};
use chimera_proto::v1;
use tonic::Code;

use crate::world::node::Node;
use crate::world::{World, config, samples, within};

#[tokio::test]
async fn the_same_request_submits_once() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let _node = Node::join(&world, "lab-1").await;
    let first = world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    assert_eq!(world.submit(samples::sweep("night", 1), "r1").await.unwrap(), first);
    let other = world.submit(samples::sweep("night", 2), "r1").await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists);
    assert_eq!(world.submit(samples::sweep("night", 1), "r2").await.unwrap(), "night-2");
    world.kill().await;

    let world = World::start(folder.path()).await;
    assert_eq!(world.submit(samples::sweep("night", 1), "r1").await.unwrap(), first);
    assert_eq!(world.submit(samples::sweep("night", 1), "r3").await.unwrap(), "night-3");
    let all = world.operator().await.list_sweeps(v1::ListSweepsRequest {}).await.unwrap().into_inner().sweeps;
    let names: Vec<_> = all.into_iter().map(|sweep| sweep.sweep).collect();
    assert_eq!(names, ["night", "night-2", "night-3"]);
}

#[tokio::test]
async fn a_sweep_that_fits_nowhere_is_refused_with_every_reason() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let empty = world.submit(samples::sweep("night", 1), "r1").await.unwrap_err();
    assert_eq!(empty.code(), Code::FailedPrecondition);
    let _nodes = (Node::join(&world, "lab-1").await, Node::join(&world, "lab-2").await);
    let mut sweep = samples::sweep("night", 1);
    sweep.cells[0].model = "llama3:latest".into();
    let refused = world.submit(sweep, "r1").await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused.message().contains("lab-1/0") && refused.message().contains("lab-2/0"),
        "{}",
        refused.message()
    );
}

#[tokio::test]
async fn a_plan_is_shown_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let _node = Node::join(&world, "lab-1").await;
    let request = v1::PlanSweepRequest { sweep: Some(samples::sweep("night", 3)) };
    let plan = world.operator().await.plan_sweep(request).await.unwrap().into_inner().plan.unwrap();
    assert_eq!((plan.trials, plan.sweep.as_str(), plan.slots), (3, "night", vec!["lab-1/0".to_owned()]));
    let all = world.operator().await.list_sweeps(v1::ListSweepsRequest {}).await.unwrap().into_inner();
    assert!(all.sweeps.is_empty());
}

#[tokio::test]
async fn a_watcher_sees_the_end_and_then_the_stream_ends() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    let request = v1::WatchSweepRequest { sweep: sweep.clone() };
    let mut states = world.operator().await.watch_sweep(request).await.unwrap().into_inner();
    let first = within(states.message()).await.unwrap().unwrap().status.unwrap();
    assert_eq!(first.state(), v1::SweepState::Running);
    node.run_one().await;
    let mut last = first;
    while let Some(next) = within(states.message()).await.unwrap() {
        last = next.status.unwrap();
    }
    assert_eq!(last.state(), v1::SweepState::Done);
}

#[tokio::test]
async fn a_cancelled_sweep_ends() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 5), "r1").await.unwrap();
    let attempt = node.take_offer().await;
    let request = v1::CancelSweepRequest { sweep: sweep.clone() };
    world.operator().await.cancel_sweep(request.clone()).await.unwrap();
    world.operator().await.cancel_sweep(request).await.unwrap();
    let stop = loop {
        if let v1::session_response::Kind::Stop(stop) = node.next().await.unwrap() {
            break stop;
        }
    };
    assert_eq!(stop.attempt, Some((&attempt).into()));
    node.send(v1::session_request::Kind::Stopped(v1::Stopped { attempt: stop.attempt })).await;
    let status = world.sweep_until(&sweep, |status| status.state() == v1::SweepState::Cancelled).await;
    assert_eq!(status.trials.unwrap().cancelled, 5);
}

#[tokio::test]
async fn a_drained_node_takes_nothing_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 2), "r1").await.unwrap();
    let attempt = node.take_offer().await;
    let drain = v1::DrainNodeRequest { node: "lab-1".into(), reason: "fan".into() };
    let drained = world.operator().await.drain_node(drain).await.unwrap().into_inner().node.unwrap();
    assert_eq!((drained.state(), drained.note.contains("fan")), (v1::NodeState::Draining, true));
    node.deliver(&attempt).await;
    let nodes = world.operator().await.list_nodes(v1::ListNodesRequest {}).await.unwrap().into_inner().nodes;
    assert_eq!(nodes[0].state(), v1::NodeState::Drained);
    let undrain = v1::UndrainNodeRequest { node: "lab-1".into() };
    world.operator().await.undrain_node(undrain).await.unwrap();
    node.run_one().await;
    world.sweep_until(&sweep, |status| status.state() == v1::SweepState::Done).await;
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut operator = world.operator().await;
    let sweep = || "nothing".to_owned();
    let get = operator.get_sweep(v1::GetSweepRequest { sweep: sweep() }).await.unwrap_err();
    let report = operator.fetch_report(v1::FetchReportRequest { sweep: sweep() }).await.err().unwrap();
    let drain = v1::DrainNodeRequest { node: sweep(), reason: String::new() };
    let drain = operator.drain_node(drain).await.unwrap_err();
    assert_eq!([get.code(), report.code(), drain.code()], [Code::NotFound; 3]);
    let bad = operator.get_sweep(v1::GetSweepRequest { sweep: "NO WAY".into() }).await.unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn sweeps_over_the_limit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { running_sweeps: 1, ..Limits::default() };
    let world =
        World::start_with(chimera_coordinator::Config { limits, ..config(folder.path()) }, Parts::default())
            .await;
    let _node = Node::join(&world, "lab-1").await;
    world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    let refused = world.submit(samples::sweep("night", 1), "r2").await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("running_sweeps"));
}

#[tokio::test]
async fn health_and_reflection_answer() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(world.channel().await);
    for service in ["", "chimera.fleet.v1.FleetService", "chimera.fleet.v1.OperatorService"] {
        let request = tonic_health::pb::HealthCheckRequest { service: service.into() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), tonic_health::ServingStatus::Serving.into());
    }
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    let channel = world.channel().await;
    let mut client = tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(channel);
    let request = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("not a list") };
    assert!(list.service.iter().any(|service| service.name == "chimera.fleet.v1.OperatorService"));
}
