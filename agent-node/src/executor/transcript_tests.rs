use super::*;
use crate::ollama::dialect::of_version;
use proptest::prelude::*;

fn transcript() -> Transcript {
    Transcript::new(of_version(Some("0.33.0")).0, true)
}

fn piece(text: &str) -> String {
    format!(
        "{}\n",
        serde_json::json!({"created_at": "2026-11-22T08:00:00.5Z", "response": text, "done": false})
    )
}

const LAST: &str = "{\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\"eval_count\":3}\n";

#[test]
fn lines_of_one_read_share_a_time_that_bounds_all_but_the_last() {
    let mut transcript = transcript();
    let brought = transcript.take(Nanos(9), &[piece("a"), piece("b"), piece("c")]);
    let bounds: Vec<bool> = brought.arrivals.iter().map(|arrival| arrival.bound).collect();
    assert_eq!(bounds, [true, true, false]);
    assert!(brought.arrivals.iter().all(|arrival| arrival.at == Nanos(9)));
    let brought = transcript.take(Nanos(10), &[piece("d"), LAST.to_owned()]);
    assert_eq!((brought.arrivals.len(), brought.arrivals[0].bound), (1, true));
    assert_eq!(brought.ending, Some(Ending::Final));
    assert_eq!(transcript.answer, "abcd");
    assert_eq!(transcript.digest(), Digest::of(b"abcd"));
}

#[test]
fn a_line_belongs_to_the_read_that_completes_it() {
    let mut transcript = transcript();
    let line = piece("é");
    let (head, tail) = line.as_bytes().split_at(line.find('é').unwrap() + 1);
    assert!(transcript.take(Nanos(1), &[head]).arrivals.is_empty());
    let brought = transcript.take(Nanos(2), &[tail]);
    assert_eq!((brought.arrivals[0].at, brought.arrivals[0].bound), (Nanos(2), false));
    assert_eq!(transcript.answer, "é");
}

#[test]
fn nothing_after_the_ending_is_taken() {
    let mut transcript = transcript();
    let brought = transcript.take(Nanos(1), &["garbage\n".to_owned(), piece("a")]);
    assert!(matches!(brought.ending, Some(Ending::Protocol(_))) && brought.arrivals.is_empty());
}

#[test]
fn equal_lines_are_counted_as_the_guard_counts_them() {
    let mut transcript = transcript();
    transcript.take(Nanos(1), &[piece("x")]);
    (0..31).for_each(|_| drop(transcript.take(Nanos(1), &[piece(" \n"), piece("\t")])));
    assert_eq!(transcript.finish(), Ending::CleanEnd { equal_lines: 62 });
}

#[test]
fn an_error_without_an_end_of_line_is_still_an_error() {
    let mut transcript = transcript();
    transcript.take(Nanos(1), &["{\"error\":\"gone\"}"]);
    assert_eq!(transcript.finish(), Ending::ErrorLine("gone".into()));
    transcript.take(Nanos(1), &["{\"resp"]);
    assert!(matches!(transcript.finish(), Ending::Cut(_)));
}

#[test]
fn a_long_answer_is_hashed_whole_and_stored_in_part() {
    let mut transcript = transcript();
    let text = "é".repeat(100_000);
    (0..3).for_each(|_| drop(transcript.take(Nanos(1), &[piece(&text)])));
    assert_eq!((transcript.answer.len(), transcript.answer_bytes), (ANSWER_MAX_BYTES, 600_000));
    assert_eq!(transcript.digest(), Digest::of(text.repeat(3).as_bytes()));
}

#[test]
fn too_many_lines_are_not_the_protocol() {
    let mut transcript = transcript();
    let many = piece("a b").repeat(ARRIVALS_MAX) + &piece("c");
    let brought = transcript.take(Nanos(1), &[many]);
    assert_eq!(brought.arrivals.len(), ARRIVALS_MAX);
    assert!(matches!(brought.ending, Some(Ending::Protocol(_))));
}

proptest! {
    #[test]
    fn no_bytes_make_it_fail(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..6)) {
        let mut transcript = transcript();
        for chunk in &chunks {
            transcript.take(Nanos(1), &[chunk]);
        }
        transcript.finish();
    }
}
