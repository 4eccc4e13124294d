//! The daemon's configuration: one TOML file, unknown keys refused, everything checked before anything starts.

pub mod endpoint;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use chimera_core::id::{GpuUuid, InvalidGpuUuid, InvalidName, NodeId};
use chimera_core::node::SLOTS_MAX;
use chimera_core::unit::Bytes;
use serde::Deserialize;

pub use endpoint::{Endpoint, InvalidEndpoint};

/// Coordinator that is dialled when none is configured.
pub const DEFAULT_COORDINATOR: &str = "http://127.0.0.1:7600";
/// Spool folder when none is configured.
pub const DEFAULT_DATA_DIR: &str = "/var/lib/chimera-node";
/// Spool quota when none is configured: 2 GiB.
pub const DEFAULT_QUOTA: Bytes = Bytes(2 * 1024 * 1024 * 1024);
/// Smallest accepted spool quota: 16 MiB.
pub const QUOTA_MIN: Bytes = Bytes(16 * 1024 * 1024);
/// Samples per second when none are configured.
pub const DEFAULT_SAMPLE_HZ: u32 = 10;
/// Seconds that a draining node waits for its attempts when nothing is configured.
pub const DEFAULT_DRAIN_SECONDS: u64 = 300;
/// Longest wait in seconds before the coordinator is dialled again, when none is configured.
pub const DEFAULT_RECONNECT_MAX_SECONDS: u64 = 60;

/// Largest accepted configuration file.
const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// Where GPU readings are taken from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeChoice {
    /// NVML if it can be loaded, else none.
    #[default]
    Auto,
    /// NVML; the node starts without it, but shows why it is missing.
    Nvml,
    /// Simulated GPUs, given by the program that builds the node.
    Simulated,
    /// None.
    None,
}

/// A GPU, named in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GpuRef {
    /// By NVML's UUID.
    Uuid(GpuUuid),
    /// By NVML's index.
    Index(u32),
}

/// The GPUs of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GpuChoice {
    /// All GPUs of the host; only for the one slot of a node.
    Auto,
    /// These.
    These(Vec<GpuRef>),
}

/// One slot: GPUs and the model server pinned to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotConfig {
    /// Where its model server listens.
    pub endpoint: Endpoint,
    /// Its GPUs.
    pub gpus: GpuChoice,
}

/// A checked configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Name of the node.
    pub node: NodeId,
    /// URL of the coordinator.
    pub coordinator: String,
    /// Folder of the spool.
    pub data_dir: PathBuf,
    /// Slots, 1 to [`SLOTS_MAX`].
    pub slots: Vec<SlotConfig>,
    /// Where GPU readings are taken from.
    pub probe: ProbeChoice,
    /// NVML library, when it is not the driver's own.
    pub nvml_library: Option<PathBuf>,
    /// Most bytes that the spool may use.
    pub spool_quota: Bytes,
    /// GPU samples per second, 10 to 100.
    pub sample_hz: u32,
    /// How long a draining node waits for its attempts.
    pub drain_seconds: u64,
    /// Longest wait in seconds before the coordinator is dialled again, 1 to 600.
    pub reconnect_max_seconds: u64,
    /// Whether a coordinator beyond this host may be spoken to in plain text.
    pub insecure_network: bool,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration '{path}' cannot be read; check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is too large to be a configuration.
    #[error("the configuration '{0}' is larger than 1 MiB")]
    TooLarge(PathBuf),
    /// It is not valid TOML, or a key is unknown or of the wrong type.
    #[error("the configuration is not valid")]
    Syntax(#[from] toml::de::Error),
    /// The node's name is not a name.
    #[error("'node' is not valid")]
    Node(#[source] InvalidName),
    /// The host name gives no name.
    #[error("the host name gives no node name; set 'node' in the configuration")]
    NoHostName,
    /// An address of a model server is not valid.
    #[error("'endpoint' of slot {slot} is not valid")]
    Endpoint {
        /// The slot.
        slot: usize,
        /// Why.
        #[source]
        source: InvalidEndpoint,
    },
    /// A GPU is not named by UUID or index.
    #[error("'gpus' of slot {slot} is not valid")]
    Gpu {
        /// The slot.
        slot: usize,
        /// Why.
        #[source]
        source: InvalidGpuUuid,
    },
    /// Any other rule.
    #[error("{0}")]
    Rule(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileConfig {
    node: Option<String>,
    coordinator: Option<String>,
    data_dir: Option<PathBuf>,
    #[serde(default)]
    slots: Vec<FileSlot>,
    #[serde(default)]
    probe: ProbeChoice,
    nvml_library: Option<PathBuf>,
    spool_quota_bytes: Option<u64>,
    sample_hz: Option<u32>,
    drain_seconds: Option<u64>,
    reconnect_max_seconds: Option<u64>,
    #[serde(default)]
    insecure_network: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSlot {
    endpoint: Option<String>,
    gpus: Option<FileGpus>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum FileGpus {
    Word(String),
    List(Vec<FileGpu>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum FileGpu {
    Index(u32),
    Uuid(String),
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`] when it cannot be read or breaks a rule.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let read_error = |source| ConfigError::Read { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(read_error)?.len() > FILE_MAX_BYTES {
            return Err(ConfigError::TooLarge(path.to_owned()));
        }
        Self::from_toml(&std::fs::read_to_string(path).map_err(read_error)?)
    }

    /// Checks the text of a file. The host's name and `OLLAMA_HOST` fill what is not set.
    ///
    /// # Errors
    /// [`ConfigError`] when it breaks a rule.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let file: FileConfig = toml::from_str(text)?;
        file.checked(std::env::var("OLLAMA_HOST").ok().as_deref())
    }

    /// Checks the rules that go over several settings.
    ///
    /// # Errors
    /// [`ConfigError::Rule`] with what is wrong and what to do.
    pub fn check(&self) -> Result<(), ConfigError> {
        let rule =
            |broken: bool, text: &str| if broken { Err(ConfigError::Rule(text.to_owned())) } else { Ok(()) };
        rule(self.slots.is_empty() || self.slots.len() > SLOTS_MAX, "a node has 1 to 64 slots")?;
        let auto = self.slots.iter().any(|slot| slot.gpus == GpuChoice::Auto);
        rule(
            auto && self.slots.len() > 1,
            "with several slots, name the GPUs of each: gpus = \"auto\" means all",
        )?;
        rule(self.spool_quota < QUOTA_MIN, "'spool_quota_bytes' is below 16 MiB")?;
        rule(!(10..=100).contains(&self.sample_hz), "'sample_hz' takes 10 to 100")?;
        rule(!(1..=600).contains(&self.reconnect_max_seconds), "'reconnect_max_seconds' takes 1 to 600")?;
        self.check_coordinator()
    }

    fn check_coordinator(&self) -> Result<(), ConfigError> {
        let uri: http::Uri = self.coordinator.parse().map_err(|_| self.bad_coordinator("is not a URL"))?;
        let host = uri.host().ok_or_else(|| self.bad_coordinator("names no host"))?;
        if uri.scheme_str() != Some("http") {
            return Err(self.bad_coordinator("must begin with http:// (mutual TLS is not built yet)"));
        }
        if self.insecure_network || is_loopback(host) {
            return Ok(());
        }
        Err(self.bad_coordinator(
            "is beyond this host and would be spoken to in plain text; set insecure_network = true to accept that",
        ))
    }

    fn bad_coordinator(&self, why: &str) -> ConfigError {
        ConfigError::Rule(format!("'coordinator' ({}) {why}", self.coordinator))
    }
}

impl FileConfig {
    fn checked(self, ollama_host: Option<&str>) -> Result<Config, ConfigError> {
        let node = match self.node {
            Some(name) => NodeId::new(&name).map_err(ConfigError::Node)?,
            None => default_node().ok_or(ConfigError::NoHostName)?,
        };
        let files = if self.slots.is_empty() { vec![FileSlot::default()] } else { self.slots };
        let slots = files.into_iter().enumerate();
        let config = Config {
            node,
            coordinator: self.coordinator.unwrap_or_else(|| DEFAULT_COORDINATOR.to_owned()),
            data_dir: self.data_dir.unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR)),
            slots: slots.map(|(index, slot)| slot.checked(index, ollama_host)).collect::<Result<_, _>>()?,
            probe: self.probe,
            nvml_library: self.nvml_library,
            spool_quota: self.spool_quota_bytes.map_or(DEFAULT_QUOTA, Bytes),
            sample_hz: self.sample_hz.unwrap_or(DEFAULT_SAMPLE_HZ),
            drain_seconds: self.drain_seconds.unwrap_or(DEFAULT_DRAIN_SECONDS),
            reconnect_max_seconds: self.reconnect_max_seconds.unwrap_or(DEFAULT_RECONNECT_MAX_SECONDS),
            insecure_network: self.insecure_network,
        };
        config.check()?;
        Ok(config)
    }
}

impl FileSlot {
    fn checked(self, slot: usize, ollama_host: Option<&str>) -> Result<SlotConfig, ConfigError> {
        let address = self.endpoint.as_deref().or(ollama_host).unwrap_or_default();
        let endpoint = Endpoint::parse(address).map_err(|source| ConfigError::Endpoint { slot, source })?;
        let gpus = match self.gpus {
            None => GpuChoice::Auto,
            Some(FileGpus::Word(word)) if word == "auto" => GpuChoice::Auto,
            Some(FileGpus::Word(word)) => {
                return Err(ConfigError::Rule(format!(
                    "'gpus' of slot {slot} takes a list or \"auto\", not \"{word}\""
                )));
            }
            Some(FileGpus::List(list)) => GpuChoice::These(
                list.into_iter()
                    .map(FileGpu::checked)
                    .collect::<Result<_, _>>()
                    .map_err(|source| ConfigError::Gpu { slot, source })?,
            ),
        };
        Ok(SlotConfig { endpoint, gpus })
    }
}

impl FileGpu {
    fn checked(self) -> Result<GpuRef, InvalidGpuUuid> {
        match self {
            Self::Index(index) => Ok(GpuRef::Index(index)),
            Self::Uuid(text) => GpuUuid::new(&text).map(GpuRef::Uuid),
        }
    }
}

/// The host's name made valid: lower case, other characters become `-`.
fn default_node() -> Option<NodeId> {
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    node_from_hostname(hostname.trim())
}

fn node_from_hostname(hostname: &str) -> Option<NodeId> {
    let first = hostname.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let replaced: String = first
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .take(63)
        .collect();
    NodeId::new(replaced.trim_matches('-')).ok()
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let error = FileConfig::checked(toml::from_str(text).unwrap(), None).unwrap_err();
        std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source())
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ")
    }

    #[test]
    fn an_empty_file_is_a_whole_configuration() {
        let config = FileConfig::checked(toml::from_str("node = 'gpu-7'").unwrap(), None).unwrap();
        assert_eq!(config.coordinator, DEFAULT_COORDINATOR);
        assert_eq!(config.slots[0].endpoint.to_string(), "http://127.0.0.1:11434");
        assert_eq!(config.slots[0].gpus, GpuChoice::Auto);
        let elsewhere =
            FileConfig::checked(toml::from_str("node = 'a'").unwrap(), Some("0.0.0.0:9999")).unwrap();
        assert_eq!(elsewhere.slots[0].endpoint.to_string(), "http://127.0.0.1:9999");
    }

    #[test]
    fn the_example_files_are_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/example");
        let examples: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("node"))
            .collect();
        assert!(!examples.is_empty());
        for path in examples {
            Config::load(&path).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        }
    }

    #[test]
    fn gpus_are_named_by_index_or_uuid() {
        let text = "node = 'a'\n[[slots]]\ngpus = [0, 'GPU-abc']\n[[slots]]\nendpoint = 'h:1'\ngpus = []";
        let config = FileConfig::checked(toml::from_str(text).unwrap(), None).unwrap();
        let uuid = GpuRef::Uuid(GpuUuid::new("GPU-abc").unwrap());
        assert_eq!(config.slots[0].gpus, GpuChoice::These(vec![GpuRef::Index(0), uuid]));
        assert_eq!(config.slots[1].gpus, GpuChoice::These(Vec::new()));
    }

    #[test]
    fn refusals_say_what_to_do() {
        assert!(toml::from_str::<FileConfig>("nodes = 'a'").is_err());
        assert!(refusal("node = 'A'").contains("use 1 to 63"));
        assert!(
            refusal("node = 'a'\ncoordinator = 'http://10.0.0.1:7600'").contains("insecure_network = true")
        );
        assert!(refusal("node = 'a'\ncoordinator = 'https://localhost:1'").contains("http://"));
        assert!(refusal("node = 'a'\n[[slots]]\n[[slots]]").contains("name the GPUs"));
        assert!(refusal("node = 'a'\n[[slots]]\ngpus = 'all'").contains("\"auto\""));
        assert!(refusal("node = 'a'\nspool_quota_bytes = 1").contains("16 MiB"));
        assert!(refusal("node = 'a'\nsample_hz = 9").contains("10 to 100"));
        assert!(refusal("node = 'a'\nreconnect_max_seconds = 0").contains("1 to 600"));
    }

    #[test]
    fn host_names_become_names() {
        assert_eq!(node_from_hostname("GPU_07.example.org").unwrap().as_str(), "gpu-07");
        assert_eq!(node_from_hostname("..."), None);
    }
}
