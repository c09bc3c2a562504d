//! A new connection to a target leaves some descriptors to the rest of the daemon.

use std::{
    future::{Ready, ready},
    io,
    task::{Context, Poll},
};

use futures_util::future::Either;
use tower_layer::Layer;
use tower_service::Service;

use crate::descriptors;

/// Lets whoever connects fail where few descriptors are left.
#[derive(Debug, Clone, Copy)]
pub(super) struct DescriptorLayer;

/// A connector that does.
#[derive(Debug, Clone)]
pub(super) struct LeaveSome<S>(S);

impl<S> Layer<S> for DescriptorLayer {
    type Service = LeaveSome<S>;

    fn layer(&self, connector: S) -> LeaveSome<S> {
        LeaveSome(connector)
    }
}

impl<R, S> Service<R> for LeaveSome<S>
where
    S: Service<R>,
    S::Error: From<io::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<S::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        match descriptors::leave_some() {
            Ok(()) => Either::Right(self.0.call(request)),
            Err(error) => Either::Left(ready(Err(error.into()))),
        }
    }
}
