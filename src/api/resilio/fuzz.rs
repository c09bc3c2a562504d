//! The decoders alone, for [`fuzzing`](crate::fuzzing): any bytes in, a part or a failure out.

use std::sync::Arc;

use super::{
    client::{ClientInfo, Tags},
    jobs, row, session,
};
use crate::{
    api::{AgentRef, Context, Part},
    catalogue::resilio::FAMILIES,
    config::Target,
    failure::Failure,
    http::{Answer, Body},
};

/// The answer of `/client`.
pub fn client(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let client = ClientInfo::read(body, cx.warnings)?;
    let mut part = Part::new(FAMILIES);
    let agent = row(&mut part, &client, target, true, cx);
    client.set(&mut part, agent, cx.warnings);
    Ok(part)
}

/// The answer of `/runs`.
pub fn runs(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let (runs, _) = jobs::read(&Body::plain(body.to_vec()), 1000, cx.warnings)?;
    let (mut part, agent) = of_a_client(cx, target)?;
    jobs::set(&runs, &mut part, agent, target, cx);
    Ok(part)
}

/// The answer of `/tags`.
pub fn tags(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let tags = Tags::read(body, cx.warnings)?;
    let (mut part, agent) = of_a_client(cx, target)?;
    tags.set(&mut part, agent);
    Ok(part)
}

/// The answer of `/token`.
pub fn token(answer: Answer) -> Result<(), Failure> {
    let token = session::read_token(answer)?;
    assert!(token.is_none_or(|token| !token.expose().is_empty()), "an empty token is none");
    Ok(())
}

fn of_a_client(cx: &Context<'_>, target: &Target) -> Result<(Part, AgentRef), Failure> {
    let client = ClientInfo::read(br#"{"deviceid":"D","name":"filer","paused":false}"#, cx.warnings)?;
    let mut part = Part::new(FAMILIES);
    let agent = row(&mut part, &client, target, true, cx);
    Ok((part, agent))
}
