//! The configuration: one TOML file, checked before anything starts. Flags override it field by field.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The coordinator's port when none is given.
pub const DEFAULT_PORT: u16 = 7600;
/// The data directory when none is given.
pub const DEFAULT_DATA_DIR: &str = "/var/lib/chimera-coordinator";

/// How a coordinator runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of the journal, the records and the sealed datasets.
    pub data_dir: PathBuf,
    /// Allows plaintext beyond loopback: everybody who reaches the port can run and cancel sweeps and read records.
    /// Interim, until mutual TLS: meant for a closed network of one team.
    pub insecure_network: bool,
    /// What is logged, as a filter such as `info` or `chimera_coordinator=debug`. `RUST_LOG` overrides it.
    pub log: String,
    /// Bounds of what the coordinator takes on.
    pub limits: Limits,
}

/// Bounds of what the coordinator takes on. Each is refused with a message when reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open node sessions, 1 to 100,000.
    pub sessions: usize,
    /// Sweeps that have not ended, 1 to 10,000.
    pub running_sweeps: usize,
    /// Streams of operators that watch at the same time, 1 to 10,000.
    pub watchers: usize,
    /// Reports computed at the same time, 1 to 64. Each holds one record in memory.
    pub reports: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT)),
            data_dir: PathBuf::from(DEFAULT_DATA_DIR),
            insecure_network: false,
            log: "info".into(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: 12_000, running_sweeps: 1_000, watchers: 256, reports: 2 }
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not valid TOML, or has an unknown key or a value of the wrong type.
    #[error("cannot use the configuration {path}", path = .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// Plaintext beyond loopback, not asked for.
    #[error(
        "refusing to listen on {listen}: without TLS everybody who reaches it can run and cancel sweeps; \
         listen on 127.0.0.1 and tunnel (ssh -L {port}:127.0.0.1:{port} HOST, or WireGuard), \
         or set insecure_network = true on a closed network",
        port = .listen.port()
    )]
    Plaintext {
        /// The address.
        listen: SocketAddr,
    },
    /// A limit is outside its range.
    #[error("limits.{name} = {found} is out of range: use 1 to {max}")]
    Limit {
        /// The limit.
        name: &'static str,
        /// What was given.
        found: usize,
        /// The largest accepted value.
        max: usize,
    },
}

impl Config {
    /// Reads and parses a file. The result is not yet checked: flags may still change it.
    ///
    /// # Errors
    /// [`ConfigError::Read`] and [`ConfigError::Parse`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_path_buf(), source })?;
        toml::from_str(&text)
            .map_err(|source| ConfigError::Parse { path: path.to_path_buf(), source: Box::new(source) })
    }

    /// Checks what a single field cannot show.
    ///
    /// # Errors
    /// [`ConfigError::Plaintext`] and [`ConfigError::Limit`].
    pub fn check(&self) -> Result<(), ConfigError> {
        if !self.listen.ip().is_loopback() && !self.insecure_network {
            return Err(ConfigError::Plaintext { listen: self.listen });
        }
        let Limits { sessions, running_sweeps, watchers, reports } = self.limits;
        in_range("sessions", sessions, 100_000)?;
        in_range("running_sweeps", running_sweeps, 10_000)?;
        in_range("watchers", watchers, 10_000)?;
        in_range("reports", reports, 64)
    }
}

fn in_range(name: &'static str, found: usize, max: usize) -> Result<(), ConfigError> {
    if (1..=max).contains(&found) { Ok(()) } else { Err(ConfigError::Limit { name, found, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("coordinator.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn the_example_file_is_the_default_configuration() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/example/coordinator.toml");
        let config = Config::read(&example).unwrap();
        assert_eq!(config, Config::default());
        config.check().unwrap();
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = parsed("listen = '127.0.0.1:1'\nlimits.session = 3\n").unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("line 2") && source.contains("session"), "{source}");
    }

    #[test]
    fn plaintext_beyond_loopback_needs_its_own_key() {
        let open = parsed("listen = '0.0.0.0:7600'").unwrap();
        let error = open.check().unwrap_err().to_string();
        assert!(error.contains("insecure_network = true") && error.contains("ssh -L 7600"), "{error}");
        parsed("listen = '0.0.0.0:7600'\ninsecure_network = true").unwrap().check().unwrap();
        parsed("listen = '[::1]:7600'").unwrap().check().unwrap();
    }

    #[test]
    fn limits_are_checked_at_both_ends() {
        for (value, good) in [(0, false), (1, true), (64, true), (65, false)] {
            let config = parsed(&format!("[limits]\nreports = {value}")).unwrap();
            assert_eq!(config.check().is_ok(), good, "{value}");
        }
    }
}
