//! What is refused, and what the service says about it.

use super::*;

#[tokio::test]
async fn sign_in_pages_are_refused_credentials() {
    let page = "<!DOCTYPE html><html><title>Azure DevOps Services | Sign In</title></html>";
    let rows = [
        Response::new(203, "text/html; charset=utf-8", page),
        Response::new(203, "application/json", "{}"),
        Response::new(302, "text/html", "")
            .header("location", "https://spsprodweu5.vssps.visualstudio.com/_signin?x=y"),
        Response::new(200, "text/html", page),
        Response::new(200, "application/json", format!("\u{feff} {page}")),
        Response::new(401, "application/json", r#"{"message":"TF400813"}"#),
    ];
    for reply in rows {
        let stub = three(move |_| Some(reply.clone()));
        assert_eq!(poll(&mut api(&stub, settings())).await.expect_err("refused").reason, Reason::Auth);
        assert_eq!(stub.lines().len(), 1, "neither followed nor repeated");
    }
}

#[tokio::test]
async fn a_page_that_is_not_the_sign_in_page_says_nothing_of_the_credentials() {
    let page = |title: &str| format!("<!DOCTYPE html>{}<html><title>{title}</title></html>", " ".repeat(2000));
    let rows = [
        (Response::new(200, "text/html", page("Azure DevOps Services | Sign In")), Reason::Auth),
        (Response::new(200, "text/html", page("Sign in to your account")), Reason::Auth),
        (Response::new(200, "text/html", page(" Sign in ")), Reason::Auth),
        (Response::new(200, "text/html", page("Guest network: please sign in")), Reason::ContentType),
        (Response::new(200, "text/html", page("Maintenance")), Reason::ContentType),
        (Response::new(200, "application/json", page("Blocked by policy")), Reason::ContentType),
        (
            Response::new(302, "text/html", "").header("location", "https://login.microsoftonline.com/x/oauth2"),
            Reason::Auth,
        ),
        (
            Response::new(302, "text/html", "").header("location", "https://portal.example.com/welcome"),
            Reason::HttpStatus,
        ),
        (Response::new(302, "text/html", ""), Reason::Auth),
    ];
    for (reply, reason) in rows {
        let sent = reply.clone();
        let stub = three(move |_| Some(sent.clone()));
        let failure = poll(&mut api(&stub, settings())).await.expect_err("no list");
        assert_eq!(failure.reason, reason, "{reply:?}: {failure}");
    }
}

#[tokio::test]
async fn the_words_of_a_refusal_are_told() {
    let expired = "TF401444%3A+Access+Denied%3A+The+Personal+Access+Token+used+has+expired.";
    let rows = [
        (
            Response::new(
                401,
                "application/json",
                r#"{"$id":"1","message":"TF400813: The user '' is not authorized.\n","errorCode":0}"#,
            ),
            "401 Unauthorized: \"TF400813: The user '' is not authorized.\" (activityid a1)",
        ),
        (
            Response::new(401, "text/html", "<html>").header("X-TFS-ServiceError", expired),
            "401 Unauthorized: \"TF401444: Access Denied: The Personal Access Token used has expired.\" (activityid a1)",
        ),
        (
            Response::new(203, "text/html", "<html>").header("X-TFS-ServiceError", "VS30063: x & y"),
            "are the credentials still good?: \"VS30063: x & y\" (activityid a1)",
        ),
        (Response::new(500, "application/json", r#"{"message":""}"#), "500 Internal Server Error (activityid a1)"),
    ];
    for (reply, ending) in rows {
        let stub = three(move |_| Some(reply.clone().header("activityid", "a1")));
        let failure = poll(&mut api(&stub, settings())).await.expect_err("refused");
        assert!(failure.message.ends_with(ending), "{failure}");
    }
}

#[tokio::test]
async fn a_queue_that_is_forbidden_is_told_beside_the_parts() {
    let stub = three(|seen| {
        let reply = Response::new(403, "application/json", r#"{"message":"TF1: View permission is needed"}"#);
        (path(seen) == "pools/2/jobrequests").then_some(reply)
    });
    let observation = poll(&mut api(&stub, settings())).await.expect("a poll that works");
    let told: Vec<(&str, Reason)> = observation.unread.iter().map(|(what, why)| (&**what, why.reason)).collect();
    assert_eq!(told, [("queue of pool two", Reason::Forbidden)]);
    assert!(observation.unread[0].1.message.contains("TF1: View permission is needed"));
}
