//! What the reader must be told. A closed list: each warning knows its words and its remedy.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A warning with its words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// What it is about, for programs.
    pub warning: Warning,
    /// What it says.
    pub message: String,
    /// What can be done.
    pub remedy: String,
}

impl From<Warning> for Told {
    fn from(warning: Warning) -> Self {
        Self { message: warning.to_string(), remedy: warning.remedy().to_owned(), warning }
    }
}

/// A finding of the validity rules on attempts that stay in the figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Marked {
    /// Name of the reason.
    pub reason: String,
    /// Attempts.
    pub n: u64,
    /// One of them: where, and what was found.
    pub example: String,
}

/// A validity rule that could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotChecked {
    /// Name of the reason that the rule looks for.
    pub reason: String,
    /// Why it could not be checked.
    pub why: String,
    /// Attempts in the figures.
    pub n: u64,
}

/// Something that limits what the figures mean. Shares are 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Warning {
    /// The counts contradict each other.
    BooksDoNotAddUp,
    /// The sweep still runs, or was cancelled.
    NotFinished {
        /// Trials that are not terminal.
        pending: u32,
        /// Trials that were cancelled.
        cancelled: u32,
    },
    /// GPU readings are simulated.
    GpuSimulated {
        /// Slots.
        slots: Vec<String>,
    },
    /// Arrivals were not stamped by a real clock of this system.
    ClockNotReal {
        /// Its name.
        clock: String,
    },
    /// Rows come from several server versions.
    ServerVersionsDiffer {
        /// The versions.
        versions: Vec<String>,
    },
    /// Slots have several driver versions.
    DriversDiffer {
        /// The versions.
        versions: Vec<String>,
    },
    /// One model name meant several models.
    ModelDigestsDiffer {
        /// The cell.
        cell: String,
        /// The digests.
        digests: Vec<String>,
        /// Further rows of which the same is true, less so.
        more: u64,
    },
    /// The server used another context length than the cell asks for.
    ContextDiffers {
        /// The cell.
        cell: String,
        /// Asked for.
        asked: i64,
        /// Used.
        used: Vec<u32>,
        /// Further rows of which the same is true, less so.
        more: u64,
    },
    /// The server ran cells alike that differ as written.
    CellsAlike {
        /// Labels of the first group, the first ones.
        cells: Vec<String>,
        /// Further cells of that group.
        further: u64,
        /// Further groups.
        more: u64,
    },
    /// The sentinel drifted: comparisons across blocks are marked.
    Drifted {
        /// The slots.
        slots: Vec<String>,
    },
    /// Equal cells were called different.
    EqualCellsDiffer {
        /// Pairs of equal cells.
        n: u64,
    },
    /// Records were left out because they are not trusted.
    RecordsExcluded {
        /// How many.
        n: u64,
    },
    /// Generations of attempts in the figures did not end ok.
    GenerationsNotOk {
        /// How many.
        n: u64,
        /// Of how many.
        of: u64,
        /// By outcome, in words.
        outcomes: String,
    },
    /// The server's counters and our clock disagree on the speed.
    RatesDisagree {
        /// The cell.
        cell: String,
        /// The slot.
        slot: String,
        /// (server − wall) / server.
        share: f64,
        /// Further rows of which the same is true, less so.
        more: u64,
    },
    /// Many gaps have an end that is only an upper bound.
    ArrivalsBound {
        /// The cell.
        cell: String,
        /// The slot.
        slot: String,
        /// Share of gaps.
        share: f64,
        /// Further rows of which the same is true, less so.
        more: u64,
    },
    /// Energy counter and trapezoid disagree.
    EnergyDisagrees {
        /// The cell.
        cell: String,
        /// The slot.
        slot: String,
        /// Largest difference of an attempt, as share of the counter.
        share: f64,
        /// Further rows of which the same is true, less so.
        more: u64,
    },
    /// Energy was integrated from power samples: no counter could tell.
    EnergyFromPower {
        /// Attempts.
        n: u64,
    },
    /// Clocks were lowered in measured windows.
    ClocksLowered {
        /// The cell.
        cell: String,
        /// The slot.
        slot: String,
        /// Share of samples lowered by heat.
        thermal: f64,
        /// Share of samples lowered by a power limit.
        power: f64,
        /// Further rows of which the same is true, less so.
        more: u64,
    },
    /// Rows of cells pool unlike GPUs.
    GpuModelsPooled {
        /// The GPU models.
        models: Vec<String>,
    },
    /// Fewer attempts than a statement needs.
    FewAttempts {
        /// The cell with the fewest.
        cell: String,
        /// Its attempts.
        n: u64,
    },
    /// Parallel streams share the server, so its durations hold other requests' work.
    StreamsShareServer {
        /// Parallel streams.
        concurrency: u16,
    },
    /// The prompt cache was allowed.
    PromptCacheAllowed,
    /// The validity rules found something that leaves no attempt out.
    AttemptsMarked {
        /// What, by reason.
        marks: Vec<Marked>,
    },
    /// Validity rules could not be checked: what they look for may have happened.
    RulesNotChecked {
        /// Which, by cause.
        rules: Vec<NotChecked>,
    },
    /// Attempts belong to no trial of the plan.
    UnknownTrials {
        /// How many.
        n: u64,
    },
}

impl Warning {
    /// What can be done.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::BooksDoNotAddUp | Self::UnknownTrials { .. } => {
                "do not use this report; keep the data directory: its journal shows what went wrong"
            }
            Self::NotFinished { .. } => "wait for the sweep to end, and make the report again",
            Self::GpuSimulated { .. } => "figures of energy, clocks and memory are not of a real device",
            Self::ClockNotReal { .. } => "read times as those of the simulation or of the recording system",
            Self::ServerVersionsDiffer { .. } => {
                "compare only rows of one server version, or upgrade the fleet to one"
            }
            Self::DriversDiffer { .. } => {
                "compare only rows of one driver version, or upgrade the fleet to one"
            }
            Self::GpuModelsPooled { .. } => {
                "read the table per GPU; the pooled rows weigh each GPU by its time"
            }
            Self::ModelDigestsDiffer { .. } => "pull the same model on every server",
            Self::ContextDiffers { .. } => {
                "compare cells by the context that was used; lower num_ctx, or free memory"
            }
            Self::CellsAlike { .. } => "keep one of them: what they differ by is noise",
            Self::Drifted { .. } => {
                "do not compare early with late blocks; look at clocks, temperatures and neighbours, and repeat"
            }
            Self::EqualCellsDiffer { .. } => {
                "doubt every comparison: something other than the cells made the figures differ"
            }
            Self::RecordsExcluded { .. } => "see the list of excluded records for the reasons",
            Self::GenerationsNotOk { .. } => {
                "figures are of the ok ones only; see the causes before trusting them"
            }
            Self::RatesDisagree { .. } => {
                "where lines share arrival times the wall rate is too high: trust the server's; sampling outside its counter (0.24), stalls or hidden tokens make it too low"
            }
            Self::ArrivalsBound { .. } => "lines came in bunches: read gap percentiles as bounds",
            Self::EnergyDisagrees { .. } => {
                "sample more often, or measure longer generations; trust the counter"
            }
            Self::EnergyFromPower { .. } => {
                "read energy figures as estimates: power is sampled, and some GPUs average it"
            }
            Self::ClocksLowered { .. } => {
                "improve cooling or raise the power limit, or compare at a locked clock"
            }
            Self::FewAttempts { .. } => {
                "raise `repetitions`: an interval needs 10 attempts, a comparison 12 blocks"
            }
            Self::StreamsShareServer { .. } => {
                "read decode and prefill as under load; use concurrency 1 for the bare speed"
            }
            Self::AttemptsMarked { .. } => "compare marked attempts only with attempts marked alike",
            Self::RulesNotChecked { .. } => {
                "what these rules look for may have happened unseen; docs say what each needs"
            }
            Self::PromptCacheAllowed => "set cache = \"bust\" to measure the prompt in full",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BooksDoNotAddUp => {
                f.write_str("the counts of trials, attempts and generations contradict each other")
            }
            Self::NotFinished { pending, cancelled } => {
                write!(f, "the sweep has no full result: {pending} trials pending, {cancelled} cancelled")
            }
            Self::GpuSimulated { slots } => write!(f, "GPU readings are simulated on {}", slots.join(", ")),
            Self::ClockNotReal { clock } => write!(f, "arrivals were stamped by the clock '{clock}'"),
            Self::ServerVersionsDiffer { versions } => {
                write!(f, "figures come from several server versions: {}", versions.join(", "))
            }
            Self::DriversDiffer { versions } => {
                write!(f, "figures come from several driver versions: {}", versions.join(", "))
            }
            Self::GpuModelsPooled { models } => {
                write!(f, "rows of cells pool unlike GPUs: {}", models.join(", "))
            }
            Self::CellsAlike { cells, further, .. } => {
                write!(f, "the server ran these cells alike: {}", cells.join(", "))?;
                if *further > 0 {
                    write!(f, " and {further} further ones")?;
                }
                self.fmt_more(f, "groups")
            }
            Self::Drifted { slots } => write!(f, "the sentinel drifted on {}", slots.join(", ")),
            Self::EqualCellsDiffer { n } => write!(f, "pairs of equal cells that were called different: {n}"),
            Self::GenerationsNotOk { n, of, outcomes } => {
                write!(f, "{n} of {of} generations did not end ok ({outcomes})")
            }
            Self::RecordsExcluded { n } => {
                write!(f, "complete records that are not trusted and in no figure: {n}")
            }
            Self::StreamsShareServer { concurrency } => {
                write!(f, "{concurrency} parallel streams: server durations hold other requests' work")
            }
            Self::PromptCacheAllowed => {
                f.write_str("the prompt cache was allowed: prefill may be served from it")
            }
            Self::EnergyFromPower { n } => {
                write!(f, "energy is integrated from power samples in {n} attempts: no counter could tell")
            }
            Self::UnknownTrials { n } => write!(f, "attempts that belong to no trial of the plan: {n}"),
            Self::AttemptsMarked { marks } => fmt_marks(f, marks),
            Self::RulesNotChecked { rules } => fmt_not_checked(f, rules),
            of_a_row => of_a_row.fmt_row(f),
        }
    }
}

impl Warning {
    /// Words of the warnings that are about one row, the worst of its kind.
    fn fmt_row(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: &f64| 100.0 * share;
        match self {
            Self::ModelDigestsDiffer { cell, digests, .. } => {
                write!(f, "{cell}: the model's name means {} different models in the fleet", digests.len())?;
            }
            Self::ContextDiffers { cell, asked, used, .. } => {
                let used: Vec<String> = used.iter().map(u32::to_string).collect();
                let used = used.join(", ");
                write!(f, "{cell}: asked for a context of {asked} tokens, the server used {used}")?;
            }
            Self::RatesDisagree { cell, slot, share, .. } => {
                let side = if *share > 0.0 { "below" } else { "above" };
                let by = percent(&share.abs());
                write!(f, "{cell} on {slot}: the wall rate lies {by:.1} % {side} the server's decode rate")?;
            }
            Self::ArrivalsBound { cell, slot, share, .. } => {
                let part = percent(share);
                write!(
                    f,
                    "{cell} on {slot}: {part:.1} % of the gaps touch a line that shares its arrival time"
                )?;
            }
            Self::EnergyDisagrees { cell, slot, share, .. } => {
                let by = percent(share);
                write!(f, "{cell} on {slot}: energy counter and trapezoid differ by up to {by:.1} %")?;
            }
            Self::ClocksLowered { cell, slot, thermal, power, .. } => {
                let (heat, cap) = (percent(thermal), percent(power));
                write!(
                    f,
                    "{cell} on {slot}: clocks lowered by heat in {heat:.1} % and by power in {cap:.1} % of samples"
                )?;
            }
            Self::FewAttempts { cell, n } => write!(f, "{cell}: attempts in the figures: only {n}")?,
            _ => {}
        }
        self.fmt_more(f, "rows")
    }

    fn fmt_more(&self, f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
        match self.more() {
            0 => Ok(()),
            more => write!(f, " (and {more} more {what})"),
        }
    }

    const fn more(&self) -> u64 {
        match self {
            Self::ModelDigestsDiffer { more, .. }
            | Self::CellsAlike { more, .. }
            | Self::ContextDiffers { more, .. }
            | Self::RatesDisagree { more, .. }
            | Self::ArrivalsBound { more, .. }
            | Self::EnergyDisagrees { more, .. }
            | Self::ClocksLowered { more, .. } => *more,
            _ => 0,
        }
    }
}

fn fmt_marks(f: &mut fmt::Formatter<'_>, marks: &[Marked]) -> fmt::Result {
    f.write_str("marked, and in the figures:")?;
    for (index, mark) in marks.iter().enumerate() {
        let gap = if index == 0 { " " } else { "; " };
        write!(f, "{gap}{} (attempts: {}, such as {})", mark.reason, mark.n, mark.example)?;
    }
    Ok(())
}

/// Rules with one cause and one count stand together.
fn fmt_not_checked(f: &mut fmt::Formatter<'_>, rules: &[NotChecked]) -> fmt::Result {
    f.write_str("validity rules not checked:")?;
    for (index, alike) in rules.chunk_by(|a, b| (&a.why, a.n) == (&b.why, b.n)).enumerate() {
        let names: Vec<&str> = alike.iter().map(|rule| rule.reason.as_str()).collect();
        let gap = if index == 0 { " " } else { "; " };
        write!(f, "{gap}{}", names.join(", "))?;
        if let Some(rule) = alike.first() {
            write!(f, " ({}; attempts: {})", rule.why, rule.n)?;
        }
    }
    Ok(())
}
