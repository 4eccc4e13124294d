//! From a gRPC status to a [`ClientError`]. The one place that reads status codes.

use std::error::Error as _;

use tonic::{Code, Status};

use super::error::{ClientError, Thing};
use crate::text::clean;

/// What `status` means as the answer to `call`.
pub(super) fn client_error(url: &str, call: &'static str, status: &Status) -> ClientError {
    let url = url.to_owned();
    let why = words(status);
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange => ClientError::Invalid { call, why },
        // The caller knows the name and looks for a near one.
        Code::NotFound => ClientError::Unknown { thing: Thing::Sweep, name: why, near: None },
        Code::FailedPrecondition | Code::ResourceExhausted | Code::Aborted | Code::AlreadyExists => {
            ClientError::NotNow { call, why }
        }
        // A broken connection shows as Unknown or Cancelled with the transport's error behind it.
        Code::Unavailable | Code::Cancelled => ClientError::Lost { url, why },
        Code::Unknown if status.source().is_some() => ClientError::Lost { url, why },
        Code::DeadlineExceeded => ClientError::Late { url, call, seconds: 0 },
        Code::Unimplemented => ClientError::Garbled { url, what: format!("'unimplemented' to \"{call}\"") },
        Code::Ok
        | Code::Unknown
        | Code::Internal
        | Code::DataLoss
        | Code::PermissionDenied
        | Code::Unauthenticated => ClientError::Failed { call, why },
    }
}

fn words(status: &Status) -> String {
    match status.message() {
        "" => status.code().description().to_owned(),
        message => clean(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: &Status) -> ClientError {
        client_error("http://c", "plan a sweep", status)
    }

    #[test]
    fn only_a_wrong_question_is_usage() {
        assert!(of(&Status::invalid_argument("x")).is_usage());
        for world in [Status::not_found("x"), Status::failed_precondition("x"), Status::internal("x")] {
            assert!(!of(&world).is_usage(), "{world:?}");
        }
    }

    #[test]
    fn a_lost_connection_passes_and_a_failure_does_not() {
        assert!(of(&Status::unavailable("gone")).passes());
        assert!(!of(&Status::internal("bug")).passes());
    }

    #[test]
    fn words_of_the_coordinator_are_cleaned() {
        let text = of(&Status::invalid_argument("no\u{1b}[2J slot")).to_string();
        assert_eq!(text, "the coordinator cannot plan a sweep: no[2J slot");
    }
}
