//! Sweeps for people.

use super::{Align, Facts, Table, plan_page};
use crate::screen::{Screen, Tone};
use crate::text;
use crate::view::{PlanView, SweepView};

/// All sweeps as a table.
#[must_use]
pub fn sweeps_table(screen: &Screen, sweeps: &[SweepView]) -> String {
    if sweeps.is_empty() {
        return "No sweeps yet. Submit one: chimera sweep run FILE".to_owned();
    }
    let mut table = Table::new(&[
        ("name", Align::Left),
        ("state", Align::Left),
        ("trials", Align::Right),
        ("counted", Align::Right),
        ("failed", Align::Right),
        ("elapsed", Align::Right),
        ("submitted", Align::Left),
    ]);
    for sweep in sweeps {
        let trials = &sweep.trials;
        table.row([
            sweep.sweep.clone(),
            sweep.state.clone(),
            format!("{}/{}", trials.ended(), trials.admitted),
            trials.counted.to_string(),
            (trials.failed + trials.quarantined).to_string(),
            text::span(sweep.elapsed()),
            text::wall_clock(sweep.submitted_unix_ns),
        ]);
        table.tone(1, Some(state_tone(sweep)));
        table.tone(4, (trials.failed + trials.quarantined > 0).then_some(Tone::Bad));
    }
    table.draw(screen)
}

/// One sweep as a page.
#[must_use]
pub fn sweep_page(screen: &Screen, sweep: &SweepView, plan: Option<&PlanView>) -> String {
    let trials = &sweep.trials;
    let mut facts = Facts::new();
    facts
        .add("State", screen.paint(state_tone(sweep), &sweep.state))
        .add_some("Waiting", sweep.waiting.clone())
        .add("About", sweep.description.clone())
        .add("Progress", format!("{} of {} ended ({} %)", trials.ended(), trials.admitted, trials.percent()))
        .add(
            "Outcomes",
            format!(
                "{} counted, {} failed, {} quarantined, {} cancelled, {} pending ({} running)",
                trials.counted,
                trials.failed,
                trials.quarantined,
                trials.cancelled,
                trials.pending,
                trials.running
            ),
        )
        .add("Attempts", sweep.attempts.to_string())
        .add("Submitted", text::wall_clock(sweep.submitted_unix_ns))
        .add("Elapsed", text::span(sweep.elapsed()))
        .add_some("Dataset", sweep.dataset.clone());
    match plan {
        Some(plan) => format!("{}\n\n{}", facts.draw(screen), plan_page(screen, plan)),
        None => format!("Sweep {}\n{}", sweep.sweep, facts.draw(screen)),
    }
}

fn state_tone(sweep: &SweepView) -> Tone {
    match (sweep.state.as_str(), sweep.trials.all_counted()) {
        ("done", true) => Tone::Good,
        ("done", false) => Tone::Bad,
        ("running", _) => Tone::Strong,
        _ => Tone::Wary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::progress::tests::sweep;
    use crate::view::TrialsView;

    #[test]
    fn sweeps_are_a_table() {
        let trials =
            TrialsView { admitted: 24, pending: 12, counted: 11, failed: 1, ..TrialsView::default() };
        assert_eq!(
            sweeps_table(&Screen::plain(80), &[sweep(trials, "running")]),
            "NAME     STATE    TRIALS  COUNTED  FAILED  ELAPSED  SUBMITTED\n\
             nightly  running   12/24       11       1   1m 02s  2026-11-22 08:55:04Z"
        );
        assert!(sweeps_table(&Screen::plain(80), &[]).contains("chimera sweep run"));
    }

    #[test]
    fn a_page_accounts_for_every_trial() {
        let trials = TrialsView { admitted: 4, pending: 1, running: 1, counted: 3, ..TrialsView::default() };
        let page = sweep_page(&Screen::plain(120), &sweep(trials, "running"), None);
        assert!(
            page.contains("3 counted, 0 failed, 0 quarantined, 0 cancelled, 1 pending (1 running)"),
            "{page}"
        );
    }
}
