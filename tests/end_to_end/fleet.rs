//! Four processes by the book: coordinator, two nodes and command are started by the commands of docs/fleet.md, from the
//! files in deploy/example. A real Ollama is behind one node, simulated servers are behind the other.
//!
//! All machines are this one, so the tunnels of the guide are left out, and addresses, ports and folders in the files are
//! others. Nothing else is changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chimera_tests::{
    PATIENCE, RealOllama, Running, Told, binary, fleet_file, free_port, real_ollama, repository, run, until,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::guide::{Step, steps, sweep};

/// The model of the guide's sweep.
const MODEL: &str = "gemma3:latest";
/// Longest wait for a command: the sweep needs seconds, on a machine that may be busy.
const COMMAND_LIMIT: Duration = Duration::from_secs(240);

#[test]
fn the_commands_of_the_guide_make_a_fleet_that_measures() {
    let machines = Machines::prepare();
    let mut daemons = Vec::new();
    for step in steps() {
        match step.program.as_str() {
            // Every machine is this one.
            "ssh" => assert_eq!(step.arguments, ["-N", "-L", "7600:127.0.0.1:7600", "head"]),
            "chimera" => machines.ask(&step),
            program if step.arguments.iter().any(|argument| argument == "--check") => {
                let told = run(machines.command(program, &step.arguments), COMMAND_LIMIT);
                assert_eq!((told.code, told.out.as_str(), told.err.as_str()), (0, "", ""), "{step:?}");
            }
            _ => daemons.push(machines.start(&step)),
        }
    }
    machines.assert_report();
    machines.assert_files();
    // Nodes first, as a person would: the coordinator is the last to go.
    for daemon in daemons.iter_mut().rev() {
        daemon.signal("TERM");
        assert!(daemon.wait().success(), "{}", daemon.output());
    }
    assert_eq!(daemons.len(), 3, "a coordinator and two nodes");
}

/// The machines of the guide: a folder, a port, and the servers behind the nodes.
struct Machines {
    folder: TempDir,
    port: u16,
    real: Option<RealOllama>,
    _simulated: Running,
}

impl Machines {
    /// Starts the model servers, and puts the files of the guide where its commands look for them.
    fn prepare() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model = format!("{MODEL}=tiny");
        let real = real_ollama(
            folder.path(),
            &[&model],
            "a real Ollama behind one of two nodes (simulated instead)",
        );
        let (simulated, urls) = simulate(folder.path());
        let first = real.as_ref().map_or_else(|| urls[2].clone(), |real| real.url.clone());
        let machines = Self { folder, port: free_port(), real, _simulated: simulated };
        machines.write("coordinator.toml", &[]);
        machines.write("node.toml", &[&first]);
        machines.write("node-two-gpus.toml", &[&urls[0], &urls[1]]);
        fs::write(machines.path("first.toml"), sweep()).expect("a sweep file");
        machines
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Copies an example with this machine's port, folders and servers in it.
    fn write(&self, name: &str, servers: &[&str]) {
        let example = repository().join("deploy/example").join(name);
        let text = fs::read_to_string(&example).expect("the example");
        let data_dir = format!("data_dir = '{}'", self.path(&format!("data-of-{name}")).display());
        let mut servers = servers.iter();
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines() {
            let key = line.split_once(" = ").map_or("", |(key, _)| key);
            lines.extend(match key {
                "listen" => vec![format!("listen = \"127.0.0.1:{}\"", self.port)],
                "coordinator" => vec![format!("coordinator = \"{}\"", self.url()), data_dir.clone()],
                // Beside `coordinator` in a node's file, by itself in the coordinator's.
                "data_dir" if name == "coordinator.toml" => vec![data_dir.clone()],
                "data_dir" => vec![],
                "endpoint" => vec![format!("endpoint = \"{}\"", servers.next().expect("a server per slot"))],
                _ => vec![line.to_owned()],
            });
        }
        assert!(servers.next().is_none(), "{name} has fewer slots than servers");
        fs::write(self.path(name), lines.join("\n")).expect("a configuration");
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A command in the folder of the files. `chimera` looks for the coordinator where the tunnel would end.
    fn command(&self, program: &str, arguments: &[String]) -> Command {
        let mut command = Command::new(binary(program));
        command.args(arguments).current_dir(self.folder.path());
        command.env_remove("OLLAMA_HOST").env_remove("RUST_LOG").env("CHIMERA_COORDINATOR", self.url());
        command
    }

    /// Starts a daemon and waits until it says what the guide says that it says.
    fn start(&self, step: &Step) -> Running {
        let arguments: Vec<String> = step.arguments.iter().map(|argument| self.in_folder(argument)).collect();
        let log = self.path(&format!("{}.log", step.machine));
        let mut daemon = Running::start_with(&binary(&step.program), &arguments, &[("NO_COLOR", "1")], &log);
        let ready =
            if step.program == "chimera-coordinator" { "the coordinator is ready" } else { "session open" };
        daemon.wait_for(ready, PATIENCE);
        daemon
    }

    /// A file that an argument names, where it is.
    fn in_folder(&self, argument: &str) -> String {
        let path = self.path(argument);
        if path.is_file() { path.display().to_string() } else { argument.to_owned() }
    }

    /// Runs a command of the desk and expects it to end well and to say what it should.
    fn ask(&self, step: &Step) {
        let words: Vec<&str> = step.arguments.iter().map(String::as_str).collect();
        if words == ["nodes", "list"] {
            self.wait_until_servers_answer();
        }
        let told = run(self.command("chimera", &step.arguments), COMMAND_LIMIT).well();
        for expected in expectations(&words) {
            assert!(
                told.out.contains(expected),
                "'{expected}' is not in the output of {step:?}:\n{}",
                told.out
            );
        }
    }

    /// The guide lets a person look; a test waits for what the person would see.
    fn wait_until_servers_answer(&self) {
        let answering = until("three slots whose server answers", PATIENCE, || {
            let nodes = self.told(&["nodes", "list", "--output", "json"]).json();
            let slots = nodes["nodes"]
                .as_array()?
                .iter()
                .flat_map(|node| node["slots"].as_array().into_iter().flatten());
            (slots.filter(|slot| slot["server_version"].is_string()).count() == 3).then_some(())
        });
        answering.unwrap_or_else(|error| panic!("{error}\n{}", self.told(&["nodes", "list"]).out));
    }

    fn told(&self, arguments: &[&str]) -> Told {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        run(self.command("chimera", &arguments), COMMAND_LIMIT).well()
    }

    /// Every trial of every slot is counted, and the report tells the real server from the simulated ones.
    fn assert_report(&self) {
        let report = self.told(&["report", "first", "--output", "json"]).json();
        assert_eq!(report["conservation"]["holds"], true, "{:#}", report["conservation"]);
        assert_eq!(report["conservation"]["trials"]["counted"], 6, "{:#}", report["conservation"]);
        let slots: Vec<&Value> = report["environment"]["slots"].as_array().expect("slots").iter().collect();
        let names: Vec<&str> = slots.iter().filter_map(|slot| slot["slot"].as_str()).collect();
        assert_eq!(names, ["gpu-07/0", "gpu-08/0", "gpu-08/1"]);
        let versions: Vec<&str> = slots.iter().filter_map(|slot| slot["server_version"].as_str()).collect();
        assert_eq!(versions[1], "0.33.0");
        if let Some(real) = &self.real {
            assert_eq!((versions[0], slots[0]["endpoint"].as_str()), ("0.24.0", Some(real.url.as_str())));
        }
        for row in report["slots"].as_array().expect("rows") {
            assert_eq!(row["tally"]["generations"]["ok"], 6, "2 blocks of 3 generations: {row:#}");
        }
    }

    /// The files that the guide names are where it says.
    fn assert_files(&self) {
        let report = fs::read_to_string(self.path("first.md")).expect("first.md");
        assert!(report.starts_with("# Sweep first"), "{report}");
        let sealed = self.path("data-of-coordinator.toml").join("datasets").join("first");
        let found =
            until("the sealed dataset", PATIENCE, || sealed.join("trials.parquet").is_file().then_some(()));
        found.unwrap_or_else(|error| panic!("{error}"));
    }
}

/// What the guide says that a command shows.
fn expectations(words: &[&str]) -> &'static [&'static str] {
    match words {
        ["nodes", "list"] => &["gpu-07", "gpu-08", "OLLAMA"],
        ["nodes", "show", ..] => &[MODEL, "Readings"],
        ["sweep", "plan", ..] => &["6 = 1 cell × 3 slots × 2 blocks"],
        ["sweep", "run", ..] => &["first done: all 6 trials counted"],
        ["report", "first"] => &["Sweep first (done)", "adds up"],
        ["report", ..] => &["first.md"],
        ["nodes", "drain", ..] => &["drained", "chimera nodes undrain gpu-07"],
        ["nodes", "undrain", ..] => &["gpu-07 is ready"],
        other => panic!("the guide has a command that the test does not know: {other:?}"),
    }
}

/// Simulated servers in a process of their own, twenty times faster than life, and their addresses.
fn simulate(folder: &Path) -> (Running, Vec<String>) {
    let fleet = fleet_file(folder, 20.0).display().to_string();
    let log = folder.join("simulate.log");
    let mut process = Running::start(&binary("chimera"), &["simulate", &fleet, "--output", "json"], &log);
    process.wait_for("\"kind\":\"simulation\"", PATIENCE);
    let announced: Value = serde_json::from_str(process.output().trim()).expect("one document");
    let servers = announced["servers"].as_array().expect("servers");
    let urls = servers.iter().map(|server| server["url"].as_str().expect("an address").to_owned()).collect();
    (process, urls)
}
