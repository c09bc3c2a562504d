//! The daemon's own port with `--web.config.file`, on a unix socket, and handed over by systemd: the real binary, and the
//! health check that has to get along with all of it.

use std::{
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};

use crate::{
    program::{Ended, Running, command, rollcall},
    support::{Config, Daemon, Exposition, Folder, WAIT_TIMEOUT, runtime, wait_until},
};

/// TLS, and more settings of it.
fn tls(more: &str) -> String {
    format!("tls_server_config: {{ cert_file: server.crt, key_file: server.key{more} }}\n")
}

/// One user, `prometheus`, whose password is `prometheus123`.
fn users(cost: u32) -> String {
    let hash = bcrypt::hash("prometheus123", cost).expect("a cost that bcrypt has");
    format!("basic_auth_users: {{ prometheus: '{hash}' }}\n")
}

/// A configuration without targets, and the files of a server.
fn files(web: &str) -> (Folder, PathBuf, PathBuf) {
    let folder = Folder::new();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate can be made");
    folder.write("server.crt", &made.cert.pem());
    folder.write("server.key", &made.signing_key.serialize_pem());
    let config = Config::quick().write(&folder);
    let web = folder.write("web.yml", web);
    (folder, config, web)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain name")
}

fn client() -> Client {
    let client = Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).timeout(WAIT_TIMEOUT);
    runtime().block_on(async { client.build() }).expect("a client without options that can be wrong")
}

/// A scrape by HTTPS with this password.
fn scrape(client: &Client, daemon: &Daemon, password: &str) -> (StatusCode, String) {
    let url = daemon.url().replace("http://", "https://") + "/metrics";
    runtime().block_on(async {
        let answer = client.get(url).basic_auth("prometheus", Some(password)).send().await.expect("it answers");
        (answer.status(), answer.text().await.expect("text"))
    })
}

fn healthcheck(url: &str, flags: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = command();
    command.arg("healthcheck").args((!url.is_empty()).then_some(url)).args(flags).envs(variables.iter().copied());
    Ended::of(command.output().expect("the binary was built with this test"))
}

#[test]
fn a_daemon_behind_tls_and_users_is_scraped_checked_and_takes_changes_up() {
    let (folder, config, web) = files(&format!("{}{}", tls(""), users(4)));
    let daemon = Daemon::with_flags(&config, &["--web.config.file", text(&web)]);
    let client = client();
    let successful = |password: &str| {
        let (status, text) = scrape(&client, &daemon, password);
        assert_eq!(status, StatusCode::OK, "{text}");
        Exposition::parse(&text).get("rollcall_web_config_last_reload_successful", &[])
    };
    assert_eq!(successful("prometheus123"), Some(1.0));
    assert_eq!(scrape(&client, &daemon, "wrong").0, StatusCode::UNAUTHORIZED);

    // The health check reads from the flags and variables of the daemon what to ask, and needs no password to know that
    // somebody is there.
    let address = daemon.url().trim_start_matches("http://").to_owned();
    let of_daemon = [("ROLLCALL_WEB_LISTEN_ADDRESS", address.as_str()), ("ROLLCALL_WEB_CONFIG_FILE", text(&web))];
    healthcheck("", &[], &of_daemon).expect(0);
    healthcheck("", &["--ready"], &of_daemon).expect(0);
    let password = folder.write("password", "prometheus123\n");
    let log_on = ["--user", "prometheus", "--password-file", text(&password)];
    healthcheck("", &[&["--ready"], &log_on[..]].concat(), &of_daemon).expect(0);
    folder.write("password", "wrong");
    assert_eq!(healthcheck("", &log_on, &of_daemon).expect(1).err, "answered 401 Unauthorized\n");

    // A broken file is told, and nothing else changes.
    folder.write("web.yml", &(tls("") + "basic_auth_user: {}\n"));
    daemon.wait_for_log(&[
        "Web configuration refused",
        "2:1: basic_auth_user: unknown key; did you mean basic_auth_users?",
    ]);
    assert_eq!(successful("prometheus123"), Some(0.0));
    healthcheck("", &[], &of_daemon).expect(0);
    let checked = rollcall(&["check", "--web.config.file", text(&web), text(&config)]).expect(1);
    assert!(checked.err.contains("web.yml:2:1: basic_auth_user: unknown key"), "{}", checked.err);

    // Now clients show a certificate. The health check has none, and hears that it wants one.
    let ca = tls(", client_auth_type: RequireAndVerifyClientCert, client_ca_file: server.crt") + &users(4);
    folder.write("web.yml", &ca);
    wait_until("it wants a certificate", WAIT_TIMEOUT, || {
        let log = daemon.log();
        if log.matches("Web configuration taken up.").count() > 1 { Ok(()) } else { Err(log) }
    });
    healthcheck("", &[], &of_daemon).expect(0);
    let checked = rollcall(&["check", "--web.config.file", text(&web), text(&config)]).expect(0);
    assert!(checked.out.contains("web.yml: TLS, 1 user, no errors"), "{}", checked.out);

    daemon.terminate();
    healthcheck("", &[], &of_daemon).expect(1);
}

#[test]
fn a_broken_web_configuration_is_an_error_at_the_start_with_everything_that_is_wrong() {
    let (_folder, config, web) =
        files("tls_server_config: { cert_file: nowhere, key_file: server.key }\nnonsense: 1\n");
    let arguments = ["--web.config.file", text(&web), "--web.listen-address", "127.0.0.1:0"];
    let ended = rollcall(&[&["serve", "--config.file", text(&config)], &arguments[..]].concat()).expect(1);
    assert!(ended.err.contains("web.yml:1:33: tls_server_config.cert_file: cannot read"), "{}", ended.err);
    assert!(ended.err.contains("web.yml:2:1: nonsense: unknown key"), "{}", ended.err);
}

#[test]
fn a_unix_socket_is_replaced_when_stale_kept_when_living_and_asked_by_the_health_check() {
    let (folder, config, _) = files("");
    let socket = folder.file("rollcall.sock");
    let address = format!("unix:{}", text(&socket));
    let serve = || {
        let mut command = command();
        command.args(["serve", "--config.file", text(&config), "--web.listen-address", &address]);
        let mut running = Running::start(&mut command);
        running.wait_until("it listens", |running| running.err().contains("Listening.").then_some(()));
        running
    };
    let running = serve();
    healthcheck(&address, &[], &[]).expect(0);
    healthcheck("", &["--ready"], &[("ROLLCALL_WEB_LISTEN_ADDRESS", &address)]).expect(0);
    let second = rollcall(&["serve", "--config.file", text(&config), "--web.listen-address", &address]).expect(1);
    assert!(second.err.contains("another process listens on it"), "{}", second.err);
    running.signal("KILL");
    drop(running);
    assert!(socket.exists(), "nobody tidied up");
    healthcheck(&address, &[], &[]).expect(1);
    let running = serve();
    healthcheck(&address, &[], &[]).expect(0);
    running.terminate().expect(0);
    assert!(!socket.exists(), "it goes with the daemon");
}

#[test]
fn a_socket_of_systemd_is_served() {
    let (_folder, config, _) = files("");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("http://{}/-/healthy", listener.local_addr().expect("it listens"));
    let program = command();
    // As systemd does it: the socket is descriptor 3, and the variables name this process.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "exec 3<&0; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"", "sh"]).arg(program.get_program());
    shell.args(["serve", "--config.file", text(&config), "--web.systemd-socket"]).arg0("sh");
    let mut running = Running::start(shell.stdin(Stdio::from(OwnedFd::from(listener))));
    running.wait_until("it listens", |running| running.err().contains("Listening.").then_some(()));
    healthcheck(&url, &[], &[]).expect(0);
    running.terminate().expect(0);
    let without = rollcall(&["serve", "--config.file", text(&config), "--web.systemd-socket"]).expect(1);
    assert!(without.err.contains("systemd passed no socket"), "{}", without.err);
}

/// How long scrapes take beside a flood of wrong passwords. It measures, and asserts nothing of a machine that does other
/// things: `cargo test --release --test it flood -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn scrapes_under_a_flood_of_wrong_passwords() {
    let (_folder, config, web) = files(&format!("{}{}", tls(""), users(12)));
    let daemon = Daemon::with_flags(&config, &["--web.config.file", text(&web)]);
    let client = client();
    let measure = |what: &str| {
        let mut times: Vec<Duration> = (0..300)
            .map(|_| {
                let begun = Instant::now();
                assert_eq!(scrape(&client, &daemon, "prometheus123").0, StatusCode::OK);
                let took = begun.elapsed();
                std::thread::sleep(Duration::from_millis(20));
                took
            })
            .collect();
        times.sort();
        println!("{what}: median {:?}, 95 of 100 {:?}, longest {:?}", times[150], times[285], times[299]);
    };
    // The first log-on is hashed.
    assert_eq!(scrape(&client, &daemon, "prometheus123").0, StatusCode::OK);
    measure("quiet");
    let url = daemon.url().replace("http://", "https://") + "/metrics";
    let guesses = (0..64).map(|number| {
        let (client, url) = (crate::web_config::client(), url.clone());
        runtime().spawn(async move {
            let (mut wrong, mut busy) = (0, 0);
            for guess in 0.. {
                let request = client.get(&url).basic_auth("prometheus", Some(format!("{number} {guess}")));
                match request.send().await.map(|answer| answer.status()) {
                    Ok(StatusCode::UNAUTHORIZED) => wrong += 1,
                    Ok(StatusCode::TOO_MANY_REQUESTS) => busy += 1,
                    other => return Err(format!("{other:?} after {wrong} and {busy}")),
                }
            }
            Ok(())
        })
    });
    let guesses: Vec<_> = guesses.collect();
    std::thread::sleep(Duration::from_secs(2));
    let cpu = daemon.process.cpu_time();
    let begun = Instant::now();
    measure("64 clients guess");
    let used = (daemon.process.cpu_time() - cpu).as_secs_f64() / begun.elapsed().as_secs_f64();
    println!("processor of the daemon meanwhile: {used:.2}");
    guesses.iter().for_each(tokio::task::JoinHandle::abort);
}
