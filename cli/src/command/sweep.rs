//! `chimera sweep …`.

use std::path::Path;

use chimera_core::id::Name;
use chimera_core::sweep::Sweep;
use chimera_proto::v1;

use crate::args::SweepCommand;
use crate::client::Client;
use crate::error::{Ending, Failure};
use crate::follow::Follower;
use crate::interrupt::Interrupts;
use crate::render::{closing_line, plan_page, sweep_page, sweeps_table};
use crate::screen::{Screen, Tone};
use crate::sweep_file::{self, Prices};
use crate::view::{Document, PlanView, SweepView};

/// Files are read before anything is dialled: a wrong file is told without a coordinator.
pub(super) async fn run(
    command: SweepCommand,
    coordinator: &str,
    screen: &Screen,
) -> Result<Ending, Failure> {
    let client = Client::connect(coordinator);
    match command {
        SweepCommand::Plan { file, prices } => {
            let (sweep, prices) = (read_sweep(&file, None)?, read_prices(prices.as_deref())?);
            plan(&client.await?, &sweep, &file, prices.as_ref(), screen).await
        }
        SweepCommand::Run(args) => {
            let sweep = read_sweep(&args.file, args.name.as_deref())?;
            let (request_id, prices) = (request_id(&args.request_id)?, read_prices(args.prices.as_deref())?);
            let client = client.await?;
            let plan = client.submit(v1::Sweep::from(&sweep), request_id).await?.priced(prices.as_ref());
            follow_submitted(&client, plan, args.detach, screen).await
        }
        SweepCommand::List => list(&client.await?, screen).await,
        SweepCommand::Show { name } => show(&client.await?, &name, screen).await,
        SweepCommand::Watch { name } => watch(&client.await?, &name, screen).await,
        SweepCommand::Cancel { name } => cancel(&client.await?, &name, screen).await,
    }
}

/// Reads a sweep file; `name` replaces the name in it.
///
/// # Errors
/// When the file or the name is wrong.
pub fn read_sweep(file: &Path, name: Option<&str>) -> Result<Sweep, Failure> {
    let sweep = sweep_file::load(file).map_err(Failure::SweepFile)?;
    match name {
        Some(name) => Ok(Sweep { name: checked_name(name)?, ..sweep }),
        None => Ok(sweep),
    }
}

/// Reads a price file, where one is named.
///
/// # Errors
/// When the file is wrong.
pub fn read_prices(file: Option<&Path>) -> Result<Option<Prices>, Failure> {
    file.map(|file| sweep_file::load_prices(file).map_err(Failure::PriceFile)).transpose()
}

/// How a command ends whose sweep ended like this.
#[must_use]
pub const fn ending_of(sweep: &SweepView) -> Ending {
    if sweep.trials.all_counted() { Ending::Done } else { Ending::Incomplete }
}

/// A name given on the command line.
///
/// # Errors
/// When it is none.
pub fn checked_name(name: &str) -> Result<Name, Failure> {
    let remedy = "for example: --name nightly-7".to_owned();
    Name::new(name).map_err(|error| Failure::Argument { problem: error.to_string(), remedy })
}

async fn plan(
    client: &Client,
    sweep: &Sweep,
    file: &Path,
    prices: Option<&Prices>,
    screen: &Screen,
) -> Result<Ending, Failure> {
    let plan = client.plan(v1::Sweep::from(sweep)).await?.priced(prices);
    let plan = PlanView { seed_drawn: sweep.seed.is_none(), ..plan };
    let text = || format!("{}\n\nRun it: chimera sweep run {}", plan_page(screen, &plan), file.display());
    screen.show(text, &Document::Plan(plan.clone()))?;
    Ok(Ending::Done)
}

async fn follow_submitted(
    client: &Client,
    plan: PlanView,
    detach: bool,
    screen: &Screen,
) -> Result<Ending, Failure> {
    if detach {
        screen.show(|| submitted(screen, &plan), &Document::Submitted(plan.clone()))?;
        return Ok(Ending::Done);
    }
    screen.show(|| format!("{}\n", plan_page(screen, &plan)), &Document::Plan(plan.clone()))?;
    watch(client, &plan.sweep, screen).await
}

fn submitted(screen: &Screen, plan: &PlanView) -> String {
    let page = plan_page(screen, plan);
    let name = &plan.sweep;
    format!(
        "{page}\n\nSubmitted as '{name}'.\nFollow it: chimera sweep watch {name}\nReport:    chimera report {name}"
    )
}

async fn list(client: &Client, screen: &Screen) -> Result<Ending, Failure> {
    let sweeps = client.sweeps().await?;
    screen.show(|| sweeps_table(screen, &sweeps), &Document::Sweeps { sweeps: sweeps.clone() })?;
    Ok(Ending::Done)
}

async fn show(client: &Client, name: &str, screen: &Screen) -> Result<Ending, Failure> {
    let (status, plan) = client.sweep(name).await?;
    let text = || sweep_page(screen, &status, plan.as_ref());
    screen.show(text, &Document::Sweep { status: status.clone(), plan: plan.clone() })?;
    Ok(Ending::Done)
}

async fn watch(client: &Client, name: &str, screen: &Screen) -> Result<Ending, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let mut follower = Follower::new(client.clone(), name, screen);
    let ended = tokio::select! {
        ended = follower.to_end() => Some(ended?),
        () = interrupts.next() => None,
    };
    drop(follower);
    match ended {
        Some(view) => {
            screen.tell(&format!("{}\nReport: chimera report {name}", closing_line(screen, &view)))?;
            Ok(ending_of(&view))
        }
        None => detach(name, screen),
    }
}

fn detach(name: &str, screen: &Screen) -> Result<Ending, Failure> {
    let lead = screen.paint(Tone::Wary, "Detached:");
    let text = format!(
        "{lead} '{name}' goes on.\nFollow it: chimera sweep watch {name}\nCancel it: chimera sweep cancel {name}"
    );
    screen.show(|| text, &Document::Detached { sweep: name.to_owned() })?;
    Ok(Ending::Interrupted)
}

async fn cancel(client: &Client, name: &str, screen: &Screen) -> Result<Ending, Failure> {
    let view = client.cancel(name).await?;
    let text = || match (view.ended, view.trials.running) {
        (true, _) => closing_line(screen, &view),
        (false, running) => {
            format!("{name} is {}: {running} running attempts are being stopped.", view.state)
        }
    };
    screen.show(text, &Document::Progress(view.clone()))?;
    Ok(Ending::Done)
}

/// `auto` draws 128 random bits, so that a repeated send within this call submits once.
fn request_id(wish: &str) -> Result<String, Failure> {
    if wish == "auto" {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(Failure::Random)?;
        return Ok(format!("{:032x}", u128::from_be_bytes(bytes)));
    }
    let fits = (1..=64).contains(&wish.chars().count()) && !wish.chars().any(char::is_control);
    let problem = "a request id has 1 to 64 printable characters".to_owned();
    let remedy = "for example: --request-id \"$CI_JOB_ID\", or leave it out".to_owned();
    if fits { Ok(wish.to_owned()) } else { Err(Failure::Argument { problem, remedy }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::exit_code;

    #[test]
    fn request_ids_are_random_or_checked() {
        assert_ne!(request_id("auto").unwrap(), request_id("auto").unwrap());
        assert_eq!(request_id("ci-7").unwrap(), "ci-7");
        for bad in ["", "a\nb", &"x".repeat(65)] {
            assert_eq!(exit_code(&request_id(bad).map(|_| Ending::Done)), 2, "{bad:?}");
        }
    }

    #[test]
    fn a_bad_name_is_usage() {
        let refused = checked_name("Nightly").unwrap_err();
        assert!(refused.to_string().contains("a-z"), "{refused}");
        assert_eq!(exit_code(&Err(refused)), 2);
    }
}
