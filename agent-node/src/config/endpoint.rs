//! The address of a model server. It comes from the node's own configuration only, never from the coordinator.

use std::fmt;

/// Port when none is given.
const DEFAULT_PORT: u16 = 11_434;
const DEFAULT_HOST: &str = "127.0.0.1";

/// Where a model server listens. Plain HTTP: it is on this host or in the host's own network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// Why a text is not an [`Endpoint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not the address of a model server ({reason}); write it as http://127.0.0.1:11434")]
pub struct InvalidEndpoint {
    /// The refused text, cut at 120 characters.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Endpoint {
    /// Reads an address as Ollama reads `OLLAMA_HOST`: scheme, host and port may each be missing. An address to
    /// listen on (`0.0.0.0`) is called on the loopback.
    ///
    /// # Errors
    /// [`InvalidEndpoint`] when it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let refused = |reason| InvalidEndpoint { text: text.chars().take(120).collect(), reason };
        let text = text.trim();
        let (rest, fallback) = match text.split_once("://") {
            None => (text, DEFAULT_PORT),
            Some(("http", rest)) => (rest, 80),
            Some(("https", _)) => return Err(refused("https is not supported")),
            Some(_) => return Err(refused("unknown scheme")),
        };
        let rest = rest.trim_end_matches('/');
        if rest.contains(['/', '@', '?', '#', ' ']) {
            return Err(refused("only host and port are accepted"));
        }
        let (host, port) = split_port(rest);
        let port = match port {
            None => fallback,
            Some(digits) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or_else(|| refused("no such port"))?
            }
        };
        let valid = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte));
        if !valid {
            Err(refused("no such host"))
        } else {
            Ok(Self { host: reachable(host).to_owned(), port })
        }
    }

    /// Host and port, for a connection.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Its port, when it is called on the loopback: then its process may be seen on this host.
    pub(crate) fn loopback_port(&self) -> Option<u16> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let here = bare == "localhost"
            || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        here.then_some(self.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

fn split_port(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    }
}

fn reachable(host: &str) -> &str {
    match host {
        "" | "0.0.0.0" => DEFAULT_HOST,
        "[::]" => "[::1]",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_ollama_reads_them() {
        for (text, expected) in [
            ("", "http://127.0.0.1:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            (":9000", "http://127.0.0.1:9000"),
            ("gpu-7:1234/", "http://gpu-7:1234"),
            ("http://gpu-7", "http://gpu-7:80"),
            ("http://[::1]:11434", "http://[::1]:11434"),
            ("[::]:5", "http://[::1]:5"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["https://h:1", "ftp://h", "http://h/api", "http://u:p@h:1", "h:0", "h:70000", "a b", "h\r\nx"]
        {
            assert!(Endpoint::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
