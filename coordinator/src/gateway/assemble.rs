//! Puts the record of an attempt together from its stored batches.

use chimera_core::id::{AttemptId, Digest};
use chimera_core::record::{AssembleError, Assembler, AttemptRecord};
use chimera_proto::convert::{Invalid, decode_entries};

use crate::store::{Store, StoreError};

/// Start of every chain.
const CHAIN_START: Digest = Digest([0; 32]);

/// What lies in the store of one attempt.
#[derive(Debug)]
pub(crate) struct Assembled {
    /// The record; it may be partial.
    pub(crate) record: AttemptRecord,
    /// Last batch.
    pub(crate) last_seq: u64,
    /// Chain hash over all batches.
    pub(crate) chain: Digest,
}

/// Why there is no record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRecord {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The batches do not make a record.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

/// How stored batches contradict themselves.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Contradiction {
    /// A batch is missing in the middle, or its bytes do not match its digest.
    #[error("batch {seq} is missing or damaged")]
    Batch {
        /// The batch.
        seq: u64,
    },
    /// A batch does not hold entries.
    #[error("batch {seq} cannot be read")]
    Payload {
        /// The batch.
        seq: u64,
        /// Why.
        source: Invalid,
    },
    /// Entries do not follow each other.
    #[error("batch {seq} does not fit")]
    Order {
        /// The batch.
        seq: u64,
        /// Why.
        source: AssembleError,
    },
    /// The record is of another attempt.
    #[error("the record says that it is of attempt {found}")]
    Foreign {
        /// What the record says.
        found: AttemptId,
    },
    /// Nothing came.
    #[error("there is no batch")]
    Empty,
}

/// Reads, checks and folds every batch of an attempt, page by page.
pub(crate) async fn assemble(store: &Store, attempt: &AttemptId) -> Result<Assembled, NoRecord> {
    let (mut assembler, mut last_seq, mut chain) = (Assembler::default(), 0, CHAIN_START);
    loop {
        let page = store.chunks_after(attempt, last_seq).await?;
        if page.is_empty() {
            break;
        }
        for chunk in page {
            let seq = last_seq + 1;
            if chunk.seq != seq || Digest::of(&chunk.payload) != chunk.digest {
                return Err(Contradiction::Batch { seq }.into());
            }
            fold(&mut assembler, seq, &chunk.payload)?;
            (last_seq, chain) = (seq, chain.chain(chunk.digest));
        }
        tokio::task::yield_now().await;
    }
    let record = assembler.finish().map_err(|_| Contradiction::Empty)?;
    match record.attempt() {
        own if own == attempt => Ok(Assembled { record, last_seq, chain }),
        found => Err(Contradiction::Foreign { found: found.clone() }.into()),
    }
}

fn fold(assembler: &mut Assembler, seq: u64, payload: &[u8]) -> Result<(), Contradiction> {
    let entries = decode_entries(payload).map_err(|source| Contradiction::Payload { seq, source })?;
    entries
        .into_iter()
        .try_for_each(|entry| assembler.push(entry))
        .map_err(|source| Contradiction::Order { seq, source })
}
