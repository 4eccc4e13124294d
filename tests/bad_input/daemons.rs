//! Wrong configurations of the daemons: exit code 2, the place, and what to write instead.

use std::fs;
use std::path::Path;
use std::process::Command;

use chimera_tests::binary;

fn started(program: &str, configuration: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("daemon.toml");
    fs::write(&file, configuration).unwrap();
    run(program, &file)
}

fn run(program: &str, file: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(binary(program));
    command.arg("--config").arg(file).env_remove("RUST_LOG").env_remove("OLLAMA_HOST");
    command.env_remove("CHIMERA_COORDINATOR");
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_wrong_coordinator_configuration_is_usage() {
    let cases = [
        ("listne = \"127.0.0.1:1\"", vec!["listne", "line 1"]),
        ("listen = 7600", vec!["listen", "line 1"]),
        ("listen = \"0.0.0.0:7600\"", vec!["insecure_network = true", "ssh -L"]),
        ("[limits]\nreports = 0", vec!["limits.reports", "1 to 64"]),
        ("log = \"chimera=nonsense\"", vec!["log", "use 'info'"]),
        ("data_dir = \"a\0b\"", vec!["line 1"]),
    ];
    for (configuration, words) in cases {
        let (code, said) = started("chimera-coordinator", configuration);
        assert_eq!(code, Some(2), "{configuration:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{configuration:?} {words:?}: {said}");
    }
}

#[test]
fn a_wrong_node_configuration_is_usage() {
    let cases = [
        ("nodes = \"a\"", vec!["nodes", "line 1"]),
        ("node = \"GPU 7\"", vec!["'node' is not valid", "a-z"]),
        ("node = \"a\"\nsample_hz = 1", vec!["'sample_hz' takes 10 to 100"]),
        ("node = \"a\"\nreconnect_max_seconds = 0", vec!["'reconnect_max_seconds' takes 1 to 600"]),
        ("node = \"a\"\nprobe = \"cuda\"", vec!["cuda", "nvml"]),
        ("node = \"a\"\ncoordinator = \"http://10.0.0.1:7600\"", vec!["insecure_network = true"]),
        ("node = \"a\"\n[[slots]]\nendpoint = \"ftp://a\"", vec!["'endpoint' of slot 0 is not valid"]),
    ];
    for (configuration, words) in cases {
        let (code, said) = started("chimera-node", configuration);
        assert_eq!(code, Some(2), "{configuration:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{configuration:?} {words:?}: {said}");
    }
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    for program in ["chimera-coordinator", "chimera-node"] {
        let (code, said) = run(program, Path::new("/nowhere/daemon.toml"));
        assert_eq!(code, Some(2), "{program}: {said}");
        assert!(said.contains("/nowhere/daemon.toml"), "{program}: {said}");
    }
}
