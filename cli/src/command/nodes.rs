//! `chimera nodes …`.

use crate::args::NodesCommand;
use crate::client::Client;
use crate::error::{Ending, Failure};
use crate::render::{node_page, nodes_table};
use crate::screen::Screen;
use crate::view::Document;

pub(super) async fn run(command: NodesCommand, client: &Client, screen: &Screen) -> Result<Ending, Failure> {
    match command {
        NodesCommand::List => list(client, screen).await,
        NodesCommand::Show { name } => show(client, &name, screen).await,
        NodesCommand::Drain { name, reason } => drain(client, &name, &reason, screen).await,
        NodesCommand::Undrain { name } => undrain(client, &name, screen).await,
    }
}

async fn list(client: &Client, screen: &Screen) -> Result<Ending, Failure> {
    let nodes = client.nodes().await?;
    screen.show(|| nodes_table(screen, &nodes), &Document::Nodes { nodes: nodes.clone() })?;
    Ok(Ending::Done)
}

async fn show(client: &Client, name: &str, screen: &Screen) -> Result<Ending, Failure> {
    let node = client.node(name).await?;
    screen.show(|| node_page(screen, &node), &Document::Node(node.clone()))?;
    Ok(Ending::Done)
}

async fn drain(client: &Client, name: &str, reason: &str, screen: &Screen) -> Result<Ending, Failure> {
    let node = client.drain(name, reason).await?;
    let busy = node.slots.iter().filter_map(|slot| slot.running.as_deref()).collect::<Vec<_>>().join(", ");
    let words = if busy.is_empty() {
        format!("{} is {}: nothing runs there, nothing new starts.", node.node, node.state)
    } else {
        format!("{} is {}: {busy} will finish, nothing new starts.", node.node, node.state)
    };
    let text = || format!("{words}\nTake it back in: chimera nodes undrain {}", node.node);
    screen.show(text, &Document::Node(node.clone()))?;
    Ok(Ending::Done)
}

async fn undrain(client: &Client, name: &str, screen: &Screen) -> Result<Ending, Failure> {
    let node = client.undrain(name).await?;
    screen.show(|| format!("{} is {}.", node.node, node.state), &Document::Node(node.clone()))?;
    Ok(Ending::Done)
}
