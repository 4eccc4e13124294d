//! `chimera dev`: coordinator, nodes and, where no Ollama answers, simulated servers, all in this process.
//!
//! ```text
//!   find servers ──> start coordinator, nodes ──> wait until all nodes are ready ──> submit ──> follow ──> report
//! ```
//!
//! | question | file |
//! |---|---|
//! | which servers are taken? | [`servers`] |
//! | what runs in this process, and how does it stop? | [`fleet`], [`daemon`] |
//! | how is a simulated GPU read? | [`probe`] |
//! | which sweep runs? | [`choice`], [`sample`] |
//! | what is said and written? | [`page`], [`files`] |

mod choice;
mod daemon;
mod error;
mod files;
mod fleet;
mod page;
mod probe;
mod sample;
mod servers;

use chimera_proto::v1;

pub use daemon::{store_folder, stored_report};
pub use error::DevError;
pub use fleet::LocalFleet;
pub use servers::Servers;

use crate::args::DevArgs;
use crate::client::Client;
use crate::command::{ending_of, fetch, priced, read_prices};
use crate::error::{Ending, Failure};
use crate::follow::Follower;
use crate::interrupt::Interrupts;
use crate::render::plan_page;
use crate::screen::Screen;
use crate::sweep_file::Prices;
use crate::view::{Announced, Document, Found, SweepView};
use choice::Wish;

/// Runs `chimera dev`.
///
/// # Errors
/// [`Failure`] when nothing could be started or the report could not be made.
pub async fn run(args: DevArgs, screen: &Screen) -> Result<Ending, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let (wish, prices) = (Wish::read(&args)?, read_prices(args.prices.as_deref())?);
    let servers = servers::find(&args).await?;
    let fleet = tokio::select! {
        fleet = LocalFleet::start(servers, &args.data_dir) => fleet?,
        () = interrupts.next() => return Ok(Ending::Interrupted),
    };
    let result = use_fleet(&fleet, wish, (&args, prices.as_ref()), screen, &mut interrupts).await;
    match result {
        Ok(Use::LeftAtOnce) => fleet.abandon(),
        _ => fleet.stop().await,
    }
    result.map(Use::ending)
}

/// How a fleet was used.
enum Use {
    /// The sweep has ended, this well.
    Ended(Ending),
    /// Ctrl-C twice: nothing is waited for.
    LeftAtOnce,
}

impl Use {
    const fn ending(self) -> Ending {
        match self {
            Self::Ended(ending) => ending,
            Self::LeftAtOnce => Ending::Interrupted,
        }
    }
}

async fn use_fleet(
    fleet: &LocalFleet,
    wish: Wish,
    (args, prices): (&DevArgs, Option<&Prices>),
    screen: &Screen,
    interrupts: &mut Interrupts,
) -> Result<Use, Failure> {
    let client = Client::connect(fleet.url()).await?;
    let found = tokio::select! {
        found = look(fleet, &client) => found?,
        () = interrupts.next() => return Ok(Use::LeftAtOnce),
    };
    screen.show(|| page::found(screen, &found), &Document::Found(found.clone()))?;
    let choice = wish.choose(&found)?;
    let plan = client.submit(v1::Sweep::from(&choice.sweep), fleet::request_id()?).await?.priced(prices);
    screen.show(|| format!("\n{}\n", plan_page(screen, &plan)), &Document::Plan(plan.clone()))?;
    let Some((status, interrupted)) = follow(&client, &plan.sweep, screen, interrupts).await? else {
        return Ok(Use::LeftAtOnce);
    };
    tokio::select! {
        finished = finish(&client, &status, &choice, (args, prices), screen) => finished?,
        () = interrupts.next() => return Ok(Use::LeftAtOnce),
    }
    if interrupted {
        return Ok(Use::Ended(Ending::Interrupted));
    }
    if args.serve {
        serve(fleet, &status.sweep, screen, interrupts).await?;
    }
    Ok(Use::Ended(ending_of(&status)))
}

async fn look(fleet: &LocalFleet, client: &Client) -> Result<Found, Failure> {
    Ok(Found {
        simulated: fleet.is_simulated(),
        origin: fleet.origin().to_owned(),
        coordinator: fleet.url().to_owned(),
        nodes: fleet.wait_until_ready(client).await?,
    })
}

/// The sweep at its end, and whether it was interrupted; absent when it was left at once.
async fn follow(
    client: &Client,
    sweep: &str,
    screen: &Screen,
    interrupts: &mut Interrupts,
) -> Result<Option<(SweepView, bool)>, Failure> {
    let mut follower = Follower::new(client.clone(), sweep, screen);
    tokio::select! {
        ended = follower.to_end() => return Ok(Some((ended?, false))),
        () = interrupts.next() => {}
    }
    follower
        .progress()
        .notice("Ctrl-C: cancelling the sweep, then its partial report. Once more exits at once.")?;
    client.cancel(sweep).await?;
    tokio::select! {
        ended = follower.to_end() => Ok(Some((ended?, true))),
        () = interrupts.next() => Ok(None),
    }
}

async fn finish(
    client: &Client,
    status: &SweepView,
    choice: &choice::Choice,
    (args, prices): (&DevArgs, Option<&Prices>),
    screen: &Screen,
) -> Result<(), Failure> {
    let report = priced(fetch(client, &status.sweep).await?, prices);
    let sealed = files::wait_for_dataset(client, status).await?;
    let written = files::write(&args.data_dir, &sealed, &report, choice, screen)?;
    let finished = page::finished(&report, sealed, written);
    screen.show(|| page::end(screen, &report, &finished, args), &Document::Finished(finished.clone()))
}

async fn serve(
    fleet: &LocalFleet,
    sweep: &str,
    screen: &Screen,
    interrupts: &mut Interrupts,
) -> Result<(), Failure> {
    let announced = Announced { coordinator: fleet.url().to_owned() };
    screen.show(|| page::serving(fleet.url(), sweep), &Document::Announced(announced.clone()))?;
    interrupts.next().await;
    screen.tell("Stopping.")
}
