//! Which model servers `dev` takes: those that were named, the one that runs here, or simulated ones.

use std::path::Path;
use std::time::Duration;

use chimera_agent_node::config::Endpoint;
use chimera_simulator::Fleet;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::DevError;
use crate::args::DevArgs;
use crate::command::read_fleet;
use crate::error::Failure;

/// Ollama's own default.
const DEFAULT_OLLAMA: &str = "127.0.0.1:11434";
/// A server on this machine answers within this, or there is none.
const LOCAL_ANSWER: Duration = Duration::from_millis(300);
/// A server that was named may be far away.
const NAMED_ANSWER: Duration = Duration::from_secs(3);
/// More of an answer is not read: the version is short.
const ANSWER_MAX: u64 = 4_096;

/// The model servers of a fleet on this machine.
#[derive(Debug, Clone)]
pub enum Servers {
    /// Real ones.
    Real {
        /// Their addresses, one slot each.
        endpoints: Vec<Endpoint>,
        /// Why these.
        origin: String,
    },
    /// Simulated ones.
    Simulated {
        /// What to simulate.
        fleet: Box<Fleet>,
        /// Why.
        origin: String,
    },
}

/// Looks for servers, in the order that the help text tells.
pub(super) async fn find(args: &DevArgs) -> Result<Servers, Failure> {
    if let Some(file) = &args.simulate {
        return simulated(file.as_deref());
    }
    if !args.ollama.is_empty() {
        return Ok(named(&args.ollama, "named with --ollama").await?);
    }
    if let Some(host) = args.ollama_host.as_ref().filter(|host| !host.trim().is_empty()) {
        return Ok(named(std::slice::from_ref(host), "named in OLLAMA_HOST").await?);
    }
    let local = parsed(DEFAULT_OLLAMA)?;
    match version(&local, LOCAL_ANSWER).await {
        Ok(()) => {
            Ok(Servers::Real { endpoints: vec![local], origin: format!("it answers at {DEFAULT_OLLAMA}") })
        }
        Err(_) => Ok(Servers::Simulated {
            fleet: Box::new(Fleet::default_fleet()),
            origin: format!("no Ollama answers at {DEFAULT_OLLAMA}; name one with --ollama URL"),
        }),
    }
}

fn simulated(file: Option<&Path>) -> Result<Servers, Failure> {
    let (fleet, origin) = match file {
        None => (Fleet::default_fleet(), "asked for with --simulate".to_owned()),
        Some(file) => (read_fleet(file)?, format!("described in {}", file.display())),
    };
    Ok(Servers::Simulated { fleet: Box::new(fleet), origin })
}

/// A server that was named and does not answer is an error: to simulate instead would be a surprise.
async fn named(urls: &[String], origin: &str) -> Result<Servers, DevError> {
    let mut endpoints = Vec::new();
    for url in urls {
        let endpoint = parsed(url)?;
        let no_answer = |source| DevError::NoAnswer { url: endpoint.to_string(), source };
        version(&endpoint, NAMED_ANSWER).await.map_err(no_answer)?;
        endpoints.push(endpoint);
    }
    Ok(Servers::Real { endpoints, origin: origin.to_owned() })
}

fn parsed(url: &str) -> Result<Endpoint, DevError> {
    Endpoint::parse(url).map_err(DevError::Address)
}

/// Asks for the version, so that something else on the port is not taken for an Ollama.
async fn version(endpoint: &Endpoint, limit: Duration) -> std::io::Result<()> {
    let asked = async {
        let mut stream = TcpStream::connect(endpoint.authority()).await?;
        let request = format!(
            "GET /api/version HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            endpoint.authority()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let is_ollama = answer.starts_with("HTTP/1.1 200") && answer.contains("\"version\"");
        let other = || std::io::Error::other("what answers there is no Ollama");
        if is_ollama { Ok(()) } else { Err(other()) }
    };
    let late = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time");
    tokio::time::timeout(limit, asked).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::error::{Ending, exit_code};

    fn args() -> DevArgs {
        DevArgs {
            sweep: None,
            ollama: Vec::new(),
            ollama_host: None,
            simulate: None,
            data_dir: "data".into(),
            seed: None,
            prices: None,
            serve: false,
            name: None,
        }
    }

    #[tokio::test]
    async fn a_named_server_is_taken_and_must_answer() {
        let running = Fleet::default_fleet().start(Ipv4Addr::LOCALHOST.into()).await.unwrap();
        let url = running.slots()[0].url.clone();
        let found = find(&DevArgs { ollama: vec![url.clone()], ..args() }).await.unwrap();
        assert!(matches!(found, Servers::Real { endpoints, .. } if endpoints[0].to_string() == url));
        let by_environment = find(&DevArgs { ollama_host: Some(url.clone()), ..args() }).await.unwrap();
        assert!(matches!(by_environment, Servers::Real { origin, .. } if origin.contains("OLLAMA_HOST")));
        assert!(running.shutdown(Duration::from_secs(2)).await);
        let gone = find(&DevArgs { ollama: vec![url], ..args() }).await.unwrap_err();
        assert_eq!(exit_code(&Err(gone)), 1);
    }

    #[tokio::test]
    async fn a_nonsense_address_is_usage() {
        let refused =
            find(&DevArgs { ollama: vec!["https://x".to_owned()], ..args() }).await.map(|_| Ending::Done);
        assert_eq!(exit_code(&refused), 2);
    }

    #[tokio::test]
    async fn simulation_can_be_asked_for() {
        let found = find(&DevArgs { simulate: Some(None), ..args() }).await.unwrap();
        assert!(matches!(found, Servers::Simulated { fleet, .. } if fleet.hosts.len() == 3));
    }
}
