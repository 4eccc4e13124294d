//! Progress of a sweep in one line.

use crate::screen::{Screen, Tone};
use crate::text;
use crate::view::{SweepView, TrialsView};

/// Progress as a line: `12/24 trials · 11 counted · 1 failed · 2 running · 1m 02s · about 1m 04s left`.
#[must_use]
pub fn progress_line(sweep: &SweepView) -> String {
    let trials = &sweep.trials;
    let mut parts = vec![format!("{}/{} trials ({} %)", trials.ended(), trials.admitted, trials.percent())];
    parts.extend(unlucky(trials));
    if trials.running > 0 {
        parts.push(format!("{} running", trials.running));
    }
    parts.push(text::span(sweep.elapsed()));
    parts.extend(left(sweep));
    if let Some(waiting) = &sweep.waiting {
        parts.push(format!("waiting: {waiting}"));
    }
    parts.join(" · ")
}

/// How a sweep ended, in one line.
#[must_use]
pub fn closing_line(screen: &Screen, sweep: &SweepView) -> String {
    let trials = &sweep.trials;
    let (tone, mark) = match (trials.all_counted(), sweep.state.as_str()) {
        (true, _) => (Tone::Good, "done"),
        (false, "cancelled") => (Tone::Wary, "cancelled"),
        (false, _) => (Tone::Bad, "done, with gaps"),
    };
    let counted = if trials.all_counted() {
        format!("all {} counted", text::count(trials.admitted, "trial"))
    } else {
        format!("{} of {} counted", trials.counted, text::count(trials.admitted, "trial"))
    };
    let mut parts = vec![counted];
    parts.extend(unlucky(trials));
    parts.push(text::count(sweep.attempts, "attempt"));
    parts.push(text::span(sweep.elapsed()));
    format!("{} {}: {}", sweep.sweep, screen.paint(tone, mark), parts.join(" · "))
}

fn unlucky(trials: &TrialsView) -> impl Iterator<Item = String> + use<> {
    let kinds =
        [(trials.failed, "failed"), (trials.quarantined, "quarantined"), (trials.cancelled, "cancelled")];
    kinds.into_iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}"))
}

/// Time left if the rest goes as the part before: said only once a tenth is done, because loads come first.
fn left(sweep: &SweepView) -> Option<String> {
    let trials = &sweep.trials;
    let enough = trials.ended() > 1 && trials.percent() >= 10 && trials.pending > 0 && !sweep.ended;
    let seconds = sweep.elapsed_s / f64::from(trials.ended().max(1)) * f64::from(trials.pending);
    enough.then(|| format!("about {} left", text::span_of_seconds(seconds)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::render) fn sweep(trials: TrialsView, state: &str) -> SweepView {
        SweepView {
            sweep: "nightly".to_owned(),
            state: state.to_owned(),
            ended: state != "running",
            trials,
            attempts: 13,
            submitted_unix_ns: 1_795_337_704_000_000_000,
            elapsed_s: 62.0,
            waiting: None,
            description: String::new(),
            dataset: None,
            blocks_opened: 0,
        }
    }

    #[test]
    fn progress_tells_what_counts() {
        let trials = TrialsView {
            admitted: 24,
            pending: 12,
            running: 2,
            counted: 11,
            failed: 1,
            ..TrialsView::default()
        };
        let mut view = sweep(trials, "running");
        assert_eq!(
            progress_line(&view),
            "12/24 trials (50 %) · 1 failed · 2 running · 1m 02s · about 1m 02s left"
        );
        view.trials = TrialsView { admitted: 24, pending: 24, ..TrialsView::default() };
        view.waiting = Some("no node is ready".to_owned());
        assert_eq!(progress_line(&view), "0/24 trials (0 %) · 1m 02s · waiting: no node is ready");
    }

    #[test]
    fn the_end_is_honest() {
        let screen = Screen::plain(80);
        let all = TrialsView { admitted: 12, counted: 12, ..TrialsView::default() };
        assert_eq!(
            closing_line(&screen, &sweep(all, "done")),
            "nightly done: all 12 trials counted · 13 attempts · 1m 02s"
        );
        let some = TrialsView { admitted: 12, counted: 9, failed: 3, ..TrialsView::default() };
        assert_eq!(
            closing_line(&screen, &sweep(some, "done")),
            "nightly done, with gaps: 9 of 12 trials counted · 3 failed · 13 attempts · 1m 02s"
        );
    }
}
