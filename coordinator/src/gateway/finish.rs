//! The end of an attempt: its record is complete when every batch is durable and the chain matches.

use chimera_core::id::{AttemptId, Digest};
use chimera_core::outcome::{AttemptOutcome, ValidityReason};
use chimera_core::scheduler::event::Event;
use tonic::Status;

use super::Gateway;
use super::assemble::{Assembled, NoRecord, assemble};
use super::judge;
use super::session::{stopping, store_failed};
use crate::store::row::EndRow;

/// What became of an announced end.
#[derive(Debug)]
pub(super) enum Finished {
    /// The record is complete and that is durable: the node may forget it.
    Complete { attempt: AttemptId, last_seq: u64 },
    /// Batches are missing: the node sends again after this position.
    Missing { attempt: AttemptId, position: u64 },
    /// The record contradicts itself: the node drops it.
    Quarantined { attempt: AttemptId },
}

/// Completes a record. Idempotent: an end that was announced before is found complete again.
pub(super) async fn finish(
    gateway: Gateway,
    attempt: AttemptId,
    last_seq: u64,
    chain: Digest,
) -> Result<Finished, Status> {
    let announced = EndRow { attempt: attempt.clone(), last_seq, chain };
    if let Some(stored) = gateway.store.end_of(&attempt).await.map_err(store_failed)? {
        let same = stored == announced;
        return if same {
            Ok(Finished::Complete { attempt, last_seq })
        } else {
            refuse(&gateway, attempt, "its end changed").await
        };
    }
    let position = gateway.store.position(&attempt).await.map_err(store_failed)?;
    if position < last_seq {
        return Ok(Finished::Missing { attempt, position });
    }
    match examine(&gateway, &announced).await? {
        Ok((outcome, findings)) => {
            tracing::info!(%attempt, %outcome, findings = findings.len(), "an attempt ended");
            let event = Event::AttemptEnded { attempt: attempt.clone(), outcome, findings };
            gateway.driver.happened(event, Some(announced)).await.map_err(stopping)?;
            Ok(Finished::Complete { attempt, last_seq })
        }
        Err(reason) => refuse(&gateway, attempt, &reason).await,
    }
}

/// The outcome and the findings of a complete record, or why there is none.
async fn examine(
    gateway: &Gateway,
    announced: &EndRow,
) -> Result<Result<(AttemptOutcome, Vec<ValidityReason>), String>, Status> {
    // The semaphore is never closed; a failure would mean that the gateway is going down.
    let _turn =
        gateway.assemblies.acquire().await.map_err(|_| Status::unavailable("the coordinator is stopping"))?;
    let Assembled { record, last_seq, chain } = match assemble(&gateway.store, &announced.attempt).await {
        Ok(assembled) => assembled,
        Err(NoRecord::Store(error)) => return Err(store_failed(error)),
        Err(NoRecord::Contradiction(contradiction)) => return Ok(Err(contradiction.to_string())),
    };
    if (last_seq, chain) != (announced.last_seq, announced.chain) {
        return Ok(Err("its batches do not have the announced number or chain".into()));
    }
    let sweep = &record.attempt().trial.sweep;
    let entry = gateway.driver.snapshot().sweeps.get(sweep).cloned();
    let findings = judge::verdict(entry.as_deref(), &record).reasons();
    let closed = record.closed.ok_or_else(|| "its record has no closing entry".to_owned());
    Ok(closed.map(|closed| (closed.outcome, findings)))
}

async fn refuse(gateway: &Gateway, attempt: AttemptId, reason: &str) -> Result<Finished, Status> {
    tracing::error!(%attempt, reason, "an attempt is quarantined");
    let event = Event::AttemptQuarantined { attempt: attempt.clone() };
    gateway.driver.happened(event, None).await.map_err(stopping)?;
    Ok(Finished::Quarantined { attempt })
}
