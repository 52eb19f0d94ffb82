//! The functions of each capability, and those that end what was wanted of the host.
use std::rc::Rc;

use crate::entry::{guarded, report_no_panics, Exported, Instance, Thunks};
use crate::failure::{Class, Failure};
use crate::fetch::FetchBatch;
use crate::json;
use crate::raw::{self, Status};
use crate::read::Page;
use crate::secret::Secret;
use crate::services::Kind;
use crate::sign::OutgoingRequest;
use crate::state::State;
use crate::task::Task;
use crate::text::{lend, list, text};
use crate::webhook::{Records, Settled, WebhookRequest};
use crate::write::Batch;

impl<C: Exported> Thunks<C> {
    pub(crate) unsafe extern "C" fn http_done(
        raw: *mut raw::Instance,
        user_id: u64,
        result: *const raw::HttpResult,
    ) {
        Self::run(raw, |runtime, connector| runtime.http_done(connector, user_id, &*result));
    }

    pub(crate) unsafe extern "C" fn file_done(
        raw: *mut raw::Instance,
        user_id: u64,
        error: *const raw::Error,
    ) {
        Self::run(raw, |runtime, connector| {
            runtime.file_done(connector, user_id, error.as_ref());
        });
    }

    pub(crate) unsafe extern "C" fn ids_found(
        raw: *mut raw::Instance,
        user_id: u64,
        values: *const raw::Str,
        value_count: u32,
        error: *const raw::Error,
    ) {
        Self::run(raw, |runtime, connector| {
            runtime.ids_found(connector, user_id, list(values, value_count), error.as_ref());
        });
    }

    pub(crate) unsafe extern "C" fn handshake(
        raw: *mut raw::Instance,
        request: *const raw::WebhookRequest,
        sink: *const raw::ReplySink,
        error: *mut raw::Error,
    ) -> Status {
        Self::call(raw, error, |_, connector| {
            connector.handshake(&WebhookRequest(&*request))?.give(&*sink);
            Ok(())
        })
    }

    pub(crate) unsafe extern "C" fn translate(
        raw: *mut raw::Instance,
        request: *const raw::WebhookRequest,
        sink: *const raw::RecordSink,
        error: *mut raw::Error,
    ) -> Status {
        Self::call(raw, error, |_, connector| {
            connector.translate(&WebhookRequest(&*request), &mut Records::new(&*sink))
        })
    }

    pub(crate) unsafe extern "C" fn verify(
        raw: *mut raw::Instance,
        request: *const raw::WebhookRequest,
        secret: u64,
        error: *mut raw::Error,
    ) -> Status {
        Self::call(raw, error, |runtime, connector| {
            let secret = Some(secret).filter(|secret| *secret != 0);
            let secret = secret.map(|secret| Secret::new(runtime.services.clone(), secret));
            connector.verify(&WebhookRequest(&*request), secret)
        })
    }

    pub(crate) unsafe extern "C" fn answer(
        raw: *mut raw::Instance,
        request: *const raw::WebhookRequest,
        outcome: *const raw::Answer,
        sink: *const raw::ReplySink,
        error: *mut raw::Error,
    ) -> Status {
        Self::call(raw, error, |_, connector| {
            connector.answer(&WebhookRequest(&*request), &Settled(&*outcome))?.give(&*sink);
            Ok(())
        })
    }

    pub(crate) unsafe extern "C" fn write(
        raw: *mut raw::Instance,
        operation: u64,
        batch: *const raw::WriteBatch,
        error: *mut raw::Error,
    ) -> Status {
        let stream = text((*batch).stream);
        let is_known = (*raw.cast::<Instance<C>>()).streams.iter().any(|known| known == stream);
        Self::begin(raw, Kind::Write, operation, error, |connector, open| {
            let batch = Rc::new(Batch::new(open, batch));
            if !is_known {
                return Err(Failure::new(Class::Unsupported, "there is no such stream to write"));
            }
            if (0..batch.len()).any(|index| !batch.record(index).is_json()) {
                return Err(Failure::new(
                    Class::Unsupported,
                    "the bodies are in an unknown format",
                ));
            }
            connector.write(batch)
        })
    }

    pub(crate) unsafe extern "C" fn fetch(
        raw: *mut raw::Instance,
        operation: u64,
        batch: *const raw::FetchBatch,
        error: *mut raw::Error,
    ) -> Status {
        Self::begin(raw, Kind::Fetch, operation, error, |connector, open| {
            connector.fetch(Rc::new(FetchBatch::new(open, batch)))
        })
    }

    pub(crate) unsafe extern "C" fn read(
        raw: *mut raw::Instance,
        operation: u64,
        request: *const raw::ReadRequest,
        error: *mut raw::Error,
    ) -> Status {
        Self::begin(raw, Kind::Read, operation, error, |connector, open| {
            connector.read(Page::new(open, request))
        })
    }

    pub(crate) unsafe extern "C" fn check(
        raw: *mut raw::Instance,
        operation: u64,
        _timeout_ms: i64,
        error: *mut raw::Error,
    ) -> Status {
        Self::begin(raw, Kind::Check, operation, error, |connector, open| {
            connector.check(Task::new(open))
        })
    }

    pub(crate) unsafe extern "C" fn discover(
        raw: *mut raw::Instance,
        operation: u64,
        _timeout_ms: i64,
        error: *mut raw::Error,
    ) -> Status {
        Self::begin(raw, Kind::Discover, operation, error, |connector, open| {
            connector.discover(Task::new(open))
        })
    }

    pub(crate) unsafe extern "C" fn work(
        raw: *mut raw::Instance,
        operation: u64,
        due_ns: i64,
        _timeout_ms: i64,
        error: *mut raw::Error,
    ) -> Status {
        Self::begin(raw, Kind::Work, operation, error, |connector, open| {
            connector.work(Task::new(open), Some(due_ns).filter(|due_ns| *due_ns != raw::NO_TIME))
        })
    }

    pub(crate) unsafe extern "C" fn cancel(raw: *mut raw::Instance, operation: u64) {
        Self::runtime(raw).cancel(operation);
    }

    /// Asked from inside the host's send(), so of the connector only this is running.
    pub(crate) unsafe extern "C" fn sign(
        raw: *mut raw::Instance,
        request: *const raw::HttpRequest,
        sink: *const raw::HeaderSink,
        error: *mut raw::Error,
    ) -> Status {
        guarded(error, || Self::connector(raw)?.sign(&mut OutgoingRequest::new(&*request, &*sink)))
    }

    pub(crate) unsafe extern "C" fn migrate(
        settings: raw::Str,
        sink: *const raw::TextSink,
        error: *mut raw::Error,
    ) -> Status {
        guarded(error, || {
            report_no_panics();
            let settings = json::parse(text(settings)).unwrap_or(json::Value::Null);
            if !matches!(settings, json::Value::Object(_)) {
                return Err(Failure::config("the settings are no JSON object"));
            }
            let migrated = C::migrate(settings)?.to_string();
            ((*sink).text)((*sink).context, lend(&migrated));
            Ok(())
        })
    }

    pub(crate) unsafe extern "C" fn save(
        raw: *mut raw::Instance,
        sink: *const raw::StateSink,
        error: *mut raw::Error,
    ) -> Status {
        Self::call(raw, error, |_, connector| {
            connector.save()?.give(&*sink);
            Ok(())
        })
    }

    pub(crate) unsafe extern "C" fn restore(
        raw: *mut raw::Instance,
        state: *const raw::State,
        error: *mut raw::Error,
    ) -> Status {
        Self::call(raw, error, |_, connector| connector.restore(State::from_raw(&*state)))
    }
}
