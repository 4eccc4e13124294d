//! A coordinator in this process, and the peers that talk to it.

pub(crate) mod node;
pub(crate) mod samples;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chimera_coordinator::{Config, Coordinator, Parts, ServeError, Stopped};
use chimera_proto::v1;
use chimera_proto::v1::operator_service_client::OperatorServiceClient;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

/// Longest wait of a test for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A serving coordinator.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    life: Life,
}

enum Life {
    /// In this process.
    Here { stop: oneshot::Sender<()>, serving: JoinHandle<Result<Stopped, ServeError>> },
    /// As a process of its own.
    Process(Program),
}

/// The real program; it does not outlive its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A configuration for `folder` and a free port.
pub(crate) fn config(folder: &Path) -> Config {
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data_dir: folder.to_path_buf(),
        ..Config::default()
    }
}

impl World {
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_with(config(folder), Parts::default()).await
    }

    pub(crate) async fn start_with(config: Config, parts: Parts) -> Self {
        let coordinator = Coordinator::build(config, parts).await.unwrap();
        let address = coordinator.local_addr();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(coordinator.serve(async move { stopped.await.unwrap_or(()) }));
        Self { address, life: Life::Here { stop, serving } }
    }

    /// Starts the real program.
    pub(crate) fn spawn(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chimera-coordinator"))
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = lines.find_map(|line| Some(line.unwrap().split_once(" address=")?.1.to_owned())).unwrap();
        // The pipe is drained to its end, so that the program never waits for a reader of its log.
        std::thread::spawn(move || lines.for_each(drop));
        let address = ready.split_whitespace().next().unwrap().parse().unwrap();
        Self { address, life: Life::Process(Program(child)) }
    }

    /// Stops as an operator would.
    pub(crate) async fn stop(self) -> Stopped {
        let Life::Here { stop, serving } = self.life else {
            panic!("only a coordinator in this process says how")
        };
        stop.send(()).unwrap();
        within(serving).await.unwrap().unwrap()
    }

    /// Dies without a word: SIGKILL, or as far as one process can.
    pub(crate) async fn kill(self) {
        match self.life {
            Life::Here { serving, .. } => {
                serving.abort();
                drop(within(serving).await);
            }
            Life::Process(program) => drop(program),
        }
    }

    pub(crate) async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn operator(&self) -> OperatorServiceClient<Channel> {
        OperatorServiceClient::new(self.channel().await).max_decoding_message_size(64 * 1024 * 1024)
    }

    /// Submits a sweep and returns its name.
    pub(crate) async fn submit(&self, sweep: v1::Sweep, request_id: &str) -> Result<String, tonic::Status> {
        let request = v1::SubmitSweepRequest { sweep: Some(sweep), request_id: request_id.to_owned() };
        let answer = self.operator().await.submit_sweep(request).await?;
        Ok(answer.into_inner().plan.unwrap().sweep)
    }

    /// The status of a sweep.
    pub(crate) async fn status(&self, sweep: &str) -> v1::SweepStatus {
        let request = v1::GetSweepRequest { sweep: sweep.to_owned() };
        self.operator().await.get_sweep(request).await.unwrap().into_inner().status.unwrap()
    }

    /// Waits until the status of a sweep is as wished.
    pub(crate) async fn sweep_until(
        &self,
        sweep: &str,
        wished: impl Fn(&v1::SweepStatus) -> bool,
    ) -> v1::SweepStatus {
        let poll = async {
            loop {
                let status = self.status(sweep).await;
                if wished(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, poll).await.expect("the sweep never got there")
    }

    /// The report of a sweep.
    pub(crate) async fn report(&self, sweep: &str) -> chimera_core::report::Report {
        let request = v1::FetchReportRequest { sweep: sweep.to_owned() };
        let mut parts = self.operator().await.fetch_report(request).await.unwrap().into_inner();
        let mut json = Vec::new();
        while let Some(part) = parts.message().await.unwrap() {
            json.extend(part.report_json);
        }
        serde_json::from_slice(&json).unwrap()
    }
}

/// The result of a future that must come within [`PATIENCE`].
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happened in time")
}
