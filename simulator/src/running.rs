//! A fleet that runs.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    dialect::Dialect,
    engine::server::{Server, Tuning},
    gpu::simulated::SimulatedGpu,
    http::listener,
    seed::{SeedStream, fingerprint},
    spec::{
        error::FleetError,
        fleet::{Fleet, full_name},
        gpu::GpuSpec,
        server::ServerSpec,
    },
};

/// One server and the GPU it is pinned to. Slots of one GPU share it.
#[derive(Debug, Clone)]
pub struct SimulatedSlot {
    /// Host name.
    pub host: String,
    /// Index of the GPU on the host, from 0.
    pub gpu_index: usize,
    /// Index of the server on the GPU, from 0.
    pub server_index: usize,
    /// Base address, for example `http://127.0.0.1:40123`.
    pub url: String,
    /// The address it listens on.
    pub address: SocketAddr,
    /// Protocol generation.
    pub dialect: Dialect,
    /// Reported version.
    pub version: String,
    /// Names of its models, sorted.
    pub models: Vec<String>,
    /// The GPU.
    pub gpu: Arc<SimulatedGpu>,
}

/// A running fleet. Dropping it stops everything; [`RunningFleet::shutdown`] also waits.
#[derive(Debug)]
pub struct RunningFleet {
    slots: Vec<SimulatedSlot>,
    servers: Vec<Arc<Server>>,
    tasks: TaskTracker,
    started: Instant,
    stop: DropGuard,
}

/// Where a server goes.
struct Place<'a> {
    host: &'a str,
    gpu_index: usize,
    server_index: usize,
    gpu: &'a Arc<SimulatedGpu>,
    bind: IpAddr,
}

impl Fleet {
    /// Starts every server of the fleet on `bind` (loopback unless others shall reach it). Must be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// When the description is impossible or a port cannot be had.
    pub async fn start(self, bind: IpAddr) -> Result<RunningFleet, FleetError> {
        self.check()?;
        let stop = CancellationToken::new();
        let mut running = RunningFleet {
            slots: Vec::new(),
            servers: Vec::new(),
            tasks: TaskTracker::new(),
            started: Instant::now(),
            stop: stop.clone().drop_guard(),
        };
        for host in &self.hosts {
            for (gpu_index, spec) in host.gpus.iter().enumerate() {
                let spec = self.identified(spec, &host.name, gpu_index);
                let gpu = Arc::new(SimulatedGpu::new(spec, self.speed, running.started));
                for (server_index, server) in gpu.spec().servers.iter().enumerate() {
                    let place = Place { host: &host.name, gpu_index, server_index, gpu: &gpu, bind };
                    running.add(&self, server.clone(), place, stop.child_token()).await?;
                }
            }
        }
        running.tasks.close();
        Ok(running)
    }

    /// The GPU with an id of its own.
    fn identified(&self, spec: &GpuSpec, host: &str, index: usize) -> GpuSpec {
        let mut spec = spec.clone();
        if spec.uuid.is_empty() {
            let mut stream =
                SeedStream::named(self.seed ^ fingerprint(host.as_bytes()), &format!("gpu {index}"));
            let hex = format!("{:016x}{:016x}", stream.next_u64(), stream.next_u64());
            let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
            spec.uuid = format!(
                "GPU-{}-{}-{}-{}-{}",
                part(0, 8),
                part(8, 12),
                part(12, 16),
                part(16, 20),
                part(20, 32)
            );
        }
        spec
    }

    fn tuning(&self, place: &Place<'_>) -> Tuning {
        let name = format!("{}/{}/{}", place.host, place.gpu_index, place.server_index);
        Tuning {
            speed: self.speed,
            jitter: self.jitter_percent / 100.0,
            seed: self.seed ^ fingerprint(name.as_bytes()),
        }
    }
}

impl RunningFleet {
    /// Every slot, in the order of the description.
    #[must_use]
    pub fn slots(&self) -> &[SimulatedSlot] {
        &self.slots
    }

    /// The zero of all scripted times.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// Stops everything and waits until all tasks have ended, but no longer than `limit`. `true` when they have.
    pub async fn shutdown(self, limit: Duration) -> bool {
        drop(self.stop);
        let all = async {
            self.tasks.wait().await;
            for server in &self.servers {
                server.tasks.close();
                server.tasks.wait().await;
            }
        };
        tokio::time::timeout(limit, all).await.is_ok()
    }

    async fn add(
        &mut self,
        fleet: &Fleet,
        spec: ServerSpec,
        place: Place<'_>,
        stop: CancellationToken,
    ) -> Result<(), FleetError> {
        let wanted = SocketAddr::new(place.bind, spec.port);
        let refused = |source| FleetError::Listen { address: wanted, source };
        let socket = TcpListener::bind(wanted).await.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        let mut models = fleet.model_book();
        if !spec.models.is_empty() {
            let listed: Vec<String> = spec.models.iter().map(|name| full_name(name)).collect();
            models.retain(|name, _| listed.contains(name));
        }
        let names = models.keys().cloned().collect();
        let server = Arc::new(Server::new(spec, Arc::clone(place.gpu), models, fleet.tuning(&place), stop));
        self.slots.push(SimulatedSlot {
            host: place.host.to_owned(),
            gpu_index: place.gpu_index,
            server_index: place.server_index,
            url: format!("http://{address}"),
            address,
            dialect: server.dialect(),
            version: server.spec.reported_version().to_owned(),
            models: names,
            gpu: Arc::clone(place.gpu),
        });
        self.spawn(&server, socket, address);
        self.servers.push(server);
        Ok(())
    }

    fn spawn(&self, server: &Arc<Server>, socket: TcpListener, address: SocketAddr) {
        self.tasks.spawn(listener::serve(Arc::clone(server), socket, address, self.started));
        let reaped = Arc::clone(server);
        self.tasks.spawn(async move {
            tokio::select! {
                () = reaped.stop.cancelled() => {}
                () = reaped.scheduler.reap() => {}
            }
        });
    }
}
