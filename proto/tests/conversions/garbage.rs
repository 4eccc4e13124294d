//! Bytes from outside never panic, whatever they are.

use chimera_core::node::NodeFacts;
use chimera_core::sweep::Sweep;
use chimera_proto::convert::{
    NodeProgress, Offer, PlanOutline, SweepProgress, decode_entries, decode_event, encode_entries,
    encode_event,
};
use chimera_proto::v1;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use super::{sample, strategy};

fn swallow<W: Message + Default, T: TryFrom<W>>(bytes: &[u8]) {
    if let Ok(wire) = W::decode(bytes) {
        let _ = T::try_from(wire);
    }
}

fn swallow_all(bytes: &[u8]) {
    let _ = decode_entries(bytes);
    let _ = decode_event(bytes);
    swallow::<v1::Sweep, Sweep>(bytes);
    swallow::<v1::NodeFacts, NodeFacts>(bytes);
    swallow::<v1::Offer, Offer>(bytes);
    swallow::<v1::SweepStatus, SweepProgress>(bytes);
    swallow::<v1::NodeStatus, NodeProgress>(bytes);
    swallow::<v1::PlanSummary, PlanOutline>(bytes);
}

/// Columns of any length and content.
fn columns() -> impl Strategy<Value = v1::Arrivals> {
    let column = || vec(any::<u32>(), 0..4);
    let small = || vec(0..8_u32, 2..4);
    (vec(any::<u64>(), 2..4), (small(), column()), small(), vec(any::<i64>(), 2..4), vec(0..4_u32, 0..3))
        .prop_map(|(at_delta_ns, (flags, text_bytes), tokens_plus_one, created_delta_ns, unstamped)| {
            v1::Arrivals {
                ordinal: 0,
                at_delta_ns,
                flags,
                text_bytes,
                tokens_plus_one,
                created_delta_ns,
                unstamped,
            }
        })
}

proptest! {
    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..200)) {
        swallow_all(&bytes);
    }

    #[test]
    fn damaged_payloads(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = encode_entries(&sample::entries()).unwrap();
        let index = at.index(bytes.len());
        bytes[index] = byte;
        bytes.truncate(cut.index(bytes.len() + 1));
        swallow_all(&bytes);
    }

    #[test]
    fn damaged_events(event in strategy::progress::event(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode_event(&event, &[]);
        let index = at.index(bytes.len());
        bytes[index] = byte;
        swallow_all(&bytes);
    }

    #[test]
    fn odd_columns(wire in columns()) {
        if let Ok(lines) = chimera_core::entry::Arrivals::try_from(wire.clone()) {
            prop_assert_eq!(lines.arrivals.len(), wire.at_delta_ns.len());
            let again = v1::Arrivals::try_from(&lines).unwrap();
            prop_assert_eq!(chimera_core::entry::Arrivals::try_from(again).unwrap(), lines);
        }
    }
}
