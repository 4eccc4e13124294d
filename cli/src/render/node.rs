//! Nodes for people.

use chimera_core::unit::{Bytes, Nanos};

use super::{Align, Facts, Table};
use crate::screen::{Screen, Tone};
use crate::text;
use crate::view::{GpuView, NodeView, SlotView};

/// All nodes as a table, one line per slot.
#[must_use]
pub fn nodes_table(screen: &Screen, nodes: &[NodeView]) -> String {
    if nodes.is_empty() {
        return "No nodes yet. Start one on each GPU host: chimera-node --coordinator URL".to_owned();
    }
    let mut table = Table::new(&[
        ("node", Align::Left),
        ("state", Align::Left),
        ("slot", Align::Right),
        ("gpu", Align::Left),
        ("memory", Align::Right),
        ("ollama", Align::Left),
        ("models", Align::Right),
        ("running", Align::Left),
    ]);
    for node in nodes {
        for (index, slot) in node.slots.iter().enumerate() {
            let first = index == 0;
            let said = |text: &str| if first { text.to_owned() } else { String::new() };
            table.row([
                said(&node.node),
                said(&node.state),
                slot.index.to_string(),
                gpus(slot),
                memory(slot),
                slot.server_version.clone().unwrap_or_else(|| "no answer".to_owned()),
                slot.models.len().to_string(),
                slot.running.clone().unwrap_or_else(|| "-".to_owned()),
            ]);
            table.tone(1, Some(state_tone(&node.state)));
            table.tone(5, slot.server_version.is_none().then_some(Tone::Bad));
        }
    }
    let mut parts = vec![table.draw(screen)];
    parts.extend(notes(screen, nodes));
    parts.join("\n\n")
}

/// One node as a page.
#[must_use]
pub fn node_page(screen: &Screen, node: &NodeView) -> String {
    let mut parts = vec![host(screen, node)];
    parts.extend(node.slots.iter().map(|slot| slot_block(screen, slot)));
    parts.join("\n\n")
}

fn notes(screen: &Screen, nodes: &[NodeView]) -> Option<String> {
    let mut lines: Vec<String> = nodes
        .iter()
        .filter(|node| !node.note.is_empty() && node.state != "ready")
        .map(|node| {
            format!("{} is {}: {}", node.node, screen.paint(state_tone(&node.state), &node.state), node.note)
        })
        .collect();
    let slots = nodes.iter().flat_map(|node| node.slots.iter().map(move |slot| (node, slot)));
    lines.extend(slots.filter_map(|(node, slot)| {
        slot.server_error.as_ref().map(|error| format!("{}/{}: {error}", node.node, slot.index))
    }));
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn host(screen: &Screen, node: &NodeView) -> String {
    let in_state = text::span(Nanos((node.in_state_s.max(0.0) * 1e9) as u64));
    let state = format!("{} for {in_state}", screen.paint(state_tone(&node.state), &node.state));
    let cpu = match (&node.cpu, node.cpus) {
        (Some(cpu), Some(cpus)) => Some(format!("{cpu}, {}", text::count(cpus, "logical processor"))),
        (Some(cpu), None) => Some(cpu.clone()),
        (None, cpus) => cpus.map(|cpus| text::count(cpus, "logical processor")),
    };
    let mut facts = Facts::new();
    facts
        .add("Node", node.node.clone())
        .add("State", state)
        .add("Note", node.note.clone())
        .add("Host", node.hostname.clone())
        .add_some("System", node.os.clone())
        .add_some("Kernel", node.kernel.as_ref().map(|kernel| format!("{kernel} {}", node.arch)))
        .add_some("CPU", cpu)
        .add_some("Memory", node.memory_bytes.map(|bytes| text::size(Bytes(bytes))))
        .add("Daemon", node.daemon_version.clone())
        .add("Clock", clock(node));
    facts.draw(screen)
}

/// The node's wall clock beside the coordinator's.
fn clock(node: &NodeView) -> String {
    let known = node.clock_offset_ns.zip(node.clock_bound_ns);
    known.map_or_else(
        || "–".to_owned(),
        |(offset, bound)| format!("{:+.1} ms ± {:.1} ms", offset as f64 / 1e6, bound as f64 / 1e6),
    )
}

fn slot_block(screen: &Screen, slot: &SlotView) -> String {
    let mut facts = Facts::new();
    let server = slot.server_version.as_ref().map_or_else(
        || format!("no answer from {}", slot.endpoint),
        |version| format!("{version} at {}", slot.endpoint),
    );
    let running = slot.running.clone().unwrap_or_else(|| "nothing".to_owned());
    facts.add("Slot", slot.index.to_string()).add("Running", running).add("Ollama", server);
    facts.add_some("Problem", slot.server_error.clone());
    facts.add(
        "Readings",
        slot.probe_note.as_ref().map_or_else(|| slot.probe.clone(), |note| format!("{}: {note}", slot.probe)),
    );
    for gpu in &slot.gpus {
        facts.add("GPU", gpu_line(gpu));
    }
    facts.add("Models", models(slot));
    facts.draw(screen)
}

fn gpu_line(gpu: &GpuView) -> String {
    let mut parts = vec![format!("{} {}", gpu.index, gpu.model)];
    parts.extend(gpu.memory_bytes.map(|bytes| text::size(Bytes(bytes))));
    parts.extend(gpu.power_limit_mw.map(|limit| format!("limit {} W", limit / 1_000)));
    if let (Some(generation), Some(width)) = (gpu.pcie_generation, gpu.pcie_width) {
        parts.push(format!("PCIe {generation} x{width}"));
    }
    parts.extend(gpu.driver.as_ref().map(|driver| format!("driver {driver}")));
    parts.push(gpu.uuid.clone());
    parts.join(", ")
}

fn models(slot: &SlotView) -> String {
    let named = |model: &crate::view::ModelView| {
        let extra: Vec<&str> =
            [&model.parameters, &model.quantization].into_iter().flatten().map(String::as_str).collect();
        if extra.is_empty() { model.name.clone() } else { format!("{} ({})", model.name, extra.join(" ")) }
    };
    let names: Vec<String> = slot.models.iter().map(named).collect();
    match (names.is_empty(), &slot.server_version) {
        (false, _) => names.join(", "),
        (true, Some(_)) => "none: ollama pull MODEL".to_owned(),
        // What a server has that does not answer is not known.
        (true, None) => "not known while the server does not answer".to_owned(),
    }
}

fn gpus(slot: &SlotView) -> String {
    let name = match slot.gpus.as_slice() {
        [] => "none".to_owned(),
        [one] => one.model.clone(),
        [first, ..] => format!("{} × {}", slot.gpus.len(), first.model),
    };
    if slot.probe == "simulated" { format!("simulated {name}") } else { name }
}

fn memory(slot: &SlotView) -> String {
    let total: Option<u64> = slot.gpus.iter().map(|gpu| gpu.memory_bytes).sum();
    total.filter(|_| !slot.gpus.is_empty()).map_or_else(|| "-".to_owned(), |bytes| text::size(Bytes(bytes)))
}

fn state_tone(state: &str) -> Tone {
    match state {
        "ready" => Tone::Good,
        "draining" | "drained" | "disconnected" => Tone::Wary,
        _ => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(index: u32) -> SlotView {
        let gpu = GpuView {
            uuid: format!("GPU-{index}"),
            index,
            model: "NVIDIA H100 80GB HBM3".to_owned(),
            memory_bytes: Some(80 << 30),
            driver: Some("570.1".to_owned()),
            power_limit_mw: Some(700_000),
            pcie_generation: Some(5),
            pcie_width: Some(16),
        };
        SlotView {
            index,
            endpoint: "http://127.0.0.1:11434".to_owned(),
            probe: "simulated".to_owned(),
            probe_note: None,
            gpus: vec![gpu],
            server_version: Some("0.33.0".to_owned()),
            server_error: None,
            models: Vec::new(),
            running: (index == 1).then(|| "nightly#3.1".to_owned()),
        }
    }

    fn node(state: &str, note: &str) -> NodeView {
        NodeView {
            node: "gpu-a".to_owned(),
            state: state.to_owned(),
            note: note.to_owned(),
            in_state_s: 62.0,
            hostname: "gpu-a.example.org".to_owned(),
            os: None,
            kernel: None,
            arch: "x86_64".to_owned(),
            cpu: None,
            cpus: Some(64),
            memory_bytes: None,
            daemon_version: "0.1.0".to_owned(),
            clock_offset_ns: Some(812_345),
            clock_bound_ns: Some(300_001),
            slots: vec![slot(0), slot(1)],
        }
    }

    #[test]
    fn nodes_are_a_table_with_a_line_per_slot() {
        let drawn = nodes_table(&Screen::plain(120), &[node("drained", "fan is loud")]);
        let expected = "\
NODE   STATE    SLOT  GPU                              MEMORY  OLLAMA  MODELS  RUNNING
gpu-a  drained     0  simulated NVIDIA H100 80GB HBM3  80 GiB  0.33.0       0  -
                   1  simulated NVIDIA H100 80GB HBM3  80 GiB  0.33.0       0  nightly#3.1

gpu-a is drained: fan is loud";
        assert_eq!(drawn, expected);
    }

    #[test]
    fn the_table_fits_eighty_columns() {
        let drawn = nodes_table(&Screen::plain(80), &[node("ready", "")]);
        assert!(drawn.lines().all(|line| line.chars().count() <= 80), "{drawn}");
    }

    #[test]
    fn a_server_that_does_not_answer_is_not_told_to_pull() {
        let mut down = node("ready", "");
        for slot in &mut down.slots {
            slot.server_version = None;
        }
        let page = node_page(&Screen::plain(100), &down);
        assert!(page.contains("not known while the server does not answer"), "{page}");
        assert!(!page.contains("ollama pull"), "{page}");
    }

    #[test]
    fn a_page_shows_what_a_node_says() {
        let page = node_page(&Screen::plain(100), &node("ready", ""));
        for words in [
            "ready for 1m 02s",
            "64 logical processors",
            "limit 700 W, PCIe 5 x16",
            "ollama pull MODEL",
            "+0.8 ms ± 0.3 ms",
        ] {
            assert!(page.contains(words), "{words} is missing in:\n{page}");
        }
        let silent = NodeView { clock_offset_ns: None, clock_bound_ns: None, ..node("ready", "") };
        assert!(node_page(&Screen::plain(100), &silent).lines().any(|line| line.ends_with('–')));
    }
}
