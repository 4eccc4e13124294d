//! Who may ask: the server's checks of `Host` and `Origin`.

use std::net::IpAddr;

use http::{HeaderMap, header};

/// Whether a request passes. Without the headers it does.
pub(crate) fn admits(headers: &HeaderMap) -> bool {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
    value(header::HOST).is_none_or(host_is_local) && value(header::ORIGIN).is_none_or(origin_is_local)
}

fn host_is_local(host: &str) -> bool {
    let name = without_port(host);
    if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return match address {
            IpAddr::V4(v4) => {
                v4.is_loopback() || v4.is_private() || v4.is_unspecified() || v4.is_link_local()
            }
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified(),
        };
    }
    name.is_empty()
        || name.eq_ignore_ascii_case("localhost")
        || [".localhost", ".local", ".internal"].iter().any(|suffix| name.ends_with(suffix))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

fn origin_is_local(origin: &str) -> bool {
    let schemes = ["app://", "file://", "tauri://", "vscode-webview://", "vscode-file://"];
    if schemes.iter().any(|scheme| origin.starts_with(scheme)) {
        return true;
    }
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    rest.is_some_and(|authority| matches!(without_port(authority), "localhost" | "127.0.0.1" | "0.0.0.0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_names_pass_and_foreign_ones_do_not() {
        for host in ["127.0.0.1:11434", "localhost", "[::1]:80", "127.0.0.1", "10.0.0.7:1", "gpu.local"] {
            assert!(host_is_local(host), "{host}");
        }
        assert!(!host_is_local("evil.example"));
        assert!(origin_is_local("http://localhost:3000"));
        assert!(!origin_is_local("http://evil.example"));
    }
}
