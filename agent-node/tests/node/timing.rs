//! How bytes on the wire become times.

use std::time::Duration;

use chimera_core::entry::Arrival;

use super::script::{Act, chunk, end, head, last, line};
use super::stage::{Stage, offer};

async fn arrivals(script: Vec<Act>) -> Vec<Arrival> {
    let mut stage = Stage::set().await;
    stage.server.script([script]);
    let record = stage.run(&offer(0)).await;
    assert!(record.complete(), "{:?}", record.generations[0].closed);
    record.generations[0].arrivals.clone()
}

fn pause(millis: u64) -> Act {
    Act::Pause(Duration::from_millis(millis))
}

#[tokio::test]
async fn lines_of_one_read_share_a_time_and_all_but_the_last_are_bounds() {
    let together: Vec<u8> = ["a", "b", "c"].iter().flat_map(|text| chunk(line(text))).collect();
    let script = vec![
        head(),
        Act::Bytes(together),
        pause(30),
        Act::Bytes(chunk(line("d"))),
        pause(30),
        Act::Bytes(chunk(last(4))),
        end(),
    ];
    let lines = arrivals(script).await;
    let bounds: Vec<bool> = lines.iter().map(|line| line.bound).collect();
    assert_eq!(bounds, [true, true, false, false]);
    assert!(lines[0].at == lines[1].at && lines[1].at == lines[2].at && lines[2].at < lines[3].at);
}

#[tokio::test]
async fn pauses_of_the_server_are_seen_where_they_were() {
    let mut script = vec![head()];
    for text in ["a", "b", "c", "d"] {
        script.extend([Act::Bytes(chunk(line(text))), pause(40)]);
    }
    script.extend([Act::Bytes(chunk(last(4))), end()]);
    let lines = arrivals(script).await;
    let gaps: Vec<u64> = lines.windows(2).map(|pair| (pair[1].at.0 - pair[0].at.0) / 1_000_000).collect();
    assert!(gaps.iter().all(|gap| (38..120).contains(gap)), "{gaps:?}");
    assert!(lines.iter().all(|line| !line.bound));
}

#[tokio::test]
async fn bytes_one_by_one_make_the_same_lines() {
    let whole: Vec<u8> =
        ["é", "漢字", "x"].iter().flat_map(|text| chunk(line(text))).chain(chunk(last(3))).collect();
    let mut script = vec![head()];
    script.extend(whole.iter().map(|byte| Act::Bytes(vec![*byte])));
    script.push(end());
    let lines = arrivals(script).await;
    let sizes: Vec<u32> = lines.iter().map(|line| line.text_bytes).collect();
    assert_eq!(sizes, [2, 6, 1]);
}

#[tokio::test]
async fn a_character_split_over_two_reads_is_whole() {
    let bytes = chunk(line("né"));
    let cut = bytes.windows(2).position(|two| two == "é".as_bytes()).unwrap() + 1;
    let script = vec![
        head(),
        Act::Bytes(bytes[..cut].to_vec()),
        pause(50),
        Act::Bytes(bytes[cut..].to_vec()),
        Act::Bytes(chunk(last(1))),
        end(),
    ];
    let lines = arrivals(script).await;
    assert_eq!((lines.len(), lines[0].text_bytes), (1, 3));
    assert!(lines[0].at.0 >= 50_000_000, "the time is that of the read that completed it: {:?}", lines[0].at);
}
