//! The pages in a real browser: what whoever was woken sees, on a desk and on a phone, with and without scripts, by keyboard.

mod chromium;
mod seconds;

use chromium::Browser;
use rollcall_sim::Options;

use crate::support::{Daemon, Folder, Sim, WAIT_TIMEOUT, wait_until};

/// A demo whose data are all there, and a browser.
fn demo(flags: &[&str]) -> (Daemon, Browser) {
    let demo = Daemon::demo(&[&["--seed", "7"], flags].concat());
    polled(&demo);
    (demo, Browser::start())
}

/// Waits until every target was polled once.
fn polled(daemon: &Daemon) {
    wait_until("every target was polled", 4 * WAIT_TIMEOUT, || {
        let page = daemon.get("/");
        let headline = page.text().split("id=\"headline\"").nth(1).and_then(|rest| rest.split("</p>").next());
        let headline = headline.unwrap_or_default();
        if page.text().contains("not polled yet") { Err(headline.to_owned()) } else { Ok(()) }
    });
}

/// The paths of all pages, one of each kind, as the links of the pages lead there.
fn pages(browser: &Browser, url: &str) -> Vec<String> {
    let mut found: Vec<String> =
        ["/", "/agents", "/alerts", "/runbooks/", "/catalogue", "/config"].map(|path| format!("{url}{path}")).into();
    for (page, link, text) in [
        ("/", ".targets tbody th a", ""),
        ("/agents", ".agents tbody th a", ""),
        // The others may end while the pages are looked at.
        ("/alerts?state=pending", ".alerts tbody th a", "RollcallPoolDown"),
        ("/runbooks/", "table th a", ""),
    ] {
        let links = format!("[...document.querySelectorAll('{link}')]");
        found.push(wait_until("a link of this kind", WAIT_TIMEOUT, || {
            browser.open(&format!("{url}{page}"));
            let link = browser.text(&format!("{links}.find((a) => a.textContent.includes('{text}'))?.href ?? ''"));
            if link.is_empty() { Err(format!("{page} has no link to {text}")) } else { Ok(link) }
        }));
    }
    found
}

/// Whether nothing stands beside the screen. What is wide scrolls in a box of its own.
const FITS: &str = "document.documentElement.scrollWidth <= innerWidth";

#[test]
fn every_page_reads_on_a_desk_and_on_a_phone_light_and_dark_and_breaks_no_policy() {
    let (demo, browser) = demo(&["--agents", "60", "--incident", "build-pool-offline", "--incident.delay", "0s"]);
    browser.open(demo.url());
    let pages = pages(&browser, demo.url());
    assert_eq!(pages.len(), 10, "{pages:?}");
    let axe = std::env::var("ROLLCALL_TEST_AXE").ok().map(|file| std::fs::read_to_string(file).expect("axe-core"));
    for page in &pages {
        for (width, dark) in [(1280, false), (390, true), (390, false)] {
            browser.size(width, 844);
            browser.dark(dark);
            browser.open(page);
            assert_eq!(browser.eval(FITS), true, "{page} at {width}");
            assert_eq!(browser.eval("document.querySelectorAll('main, h1').length"), 2, "{page}");
            // Contrast is that of both; the structure is the same.
            if let Some(axe) = axe.as_ref().filter(|_| width == 1280 || dark) {
                browser.eval(&format!("{axe}; true"));
                let found = browser.eval(
                    "axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) => v.id + ': ' + \
                     v.nodes.slice(0, 3).map((n) => n.html + ' ' + n.failureSummary).join(' | ')))",
                );
                assert_eq!(found, serde_json::json!([]), "{page} at {width}, dark: {dark}");
            }
            let name = page.trim_start_matches(demo.url()).replace(['/', '?', '=', '&', '%'], "_");
            browser.picture(&format!("page{name}-{width}-{}", if dark { "dark" } else { "light" }));
        }
    }
    let asked = browser.asked.borrow();
    let elsewhere: Vec<&String> =
        asked.iter().filter(|url| !url.starts_with(demo.url()) && *url != "about:blank").collect();
    assert!(asked.len() > pages.len() && elsewhere.is_empty(), "{elsewhere:?}");
    assert_eq!(*browser.complaints.borrow(), Vec::<String>::new());
}

#[test]
fn the_policy_of_a_page_allows_what_is_our_own_and_nothing_else() {
    let demo = Daemon::demo(&["--agents", "20"]);
    for path in ["/", "/agents", "/alerts", "/runbooks/", "/catalogue"] {
        let page = demo.get(path);
        let policy = page.header("content-security-policy");
        for directive in policy.split("; ").filter(|directive| !directive.is_empty()) {
            let (_, allowed) = directive.split_once(' ').expect("a directive and what it allows");
            assert!(["'none'", "'self'"].contains(&allowed), "{directive}");
        }
        // Nothing stands in the page that the policy would forbid.
        for inline in ["<style", "style=", "javascript:", " onclick", " onload", "<script>"] {
            assert!(!page.text().contains(inline), "{path}: {inline}");
        }
        let own = page.text().split("src=\"").skip(1).chain(page.text().split("<link ").skip(1));
        assert!(own.count() >= 2, "{path}");
        let address =
            |text: &str| text.split("assets/").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
        for asset in page.text().split("href=\"").chain(page.text().split("src=\"")).filter_map(address) {
            let asset = demo.get(&format!("/assets/{asset}"));
            assert_eq!(asset.status, 200);
            assert!(asset.header("cache-control").contains("immutable"));
        }
    }
}

#[test]
fn search_and_filters_live_in_the_address_and_need_no_script() {
    let (demo, browser) = demo(&["--agents", "300"]);
    browser.scripts(false);
    browser.open(&format!("{}/agents", demo.url()));
    let all = browser.text("document.querySelector('#headline').textContent");
    browser.eval("document.querySelector('#health').value = 'healthy'");
    browser.click(".filters button");
    assert!(browser.text("location.search").contains("health=healthy"));
    let healthy = browser.text("document.querySelector('#headline').textContent");
    assert!(healthy != all && healthy.ends_with(" found"), "{healthy}");
    assert_eq!(browser.text("document.querySelector('#health').value"), "healthy", "the form says what is shown");
    browser.click(".pages a[rel=next]");
    assert!(browser.text("location.search").contains("page=2") && browser.text("location.search").contains("healthy"));
    // Everywhere a name is found.
    let name = browser.text("document.querySelector('.agents tbody th').textContent");
    browser.eval(&format!("document.querySelector('#find').value = {name:?}"));
    browser.leave("document.querySelector('.find').requestSubmit()");
    assert_eq!(browser.text("document.querySelector('.agents tbody th').textContent"), name);
    browser.click(".agents tbody th a");
    assert_eq!(browser.text("document.querySelector('h1').textContent"), name);
    // Without a script the page comes again by itself.
    browser.open(demo.url());
    assert_eq!(browser.eval("document.querySelector('noscript') !== null"), true);
    assert!(browser.text("document.querySelector('#headline').textContent").len() > 20);
}

#[test]
fn a_page_that_is_looked_at_turns_red_by_itself_and_a_dead_daemon_does_not_look_calm() {
    let (demo, browser) = demo(&["--agents", "60", "--incident", "vendor-api-down", "--incident.delay", "25s"]);
    browser.open(demo.url());
    browser.eval("window.same = true; document.querySelector('.find input').focus()");
    browser.wait("/builds/.test(document.querySelector('.troubles')?.textContent ?? '')");
    assert_eq!(browser.eval("window.same"), true, "the page was not loaded anew");
    assert_eq!(browser.text("document.activeElement.id"), "find", "whoever types is left alone");
    browser.wait("/(warning|critical).svg/.test(document.querySelector('#icon').href)");
    assert!(browser.text("document.title").starts_with(['▲', '✕']));
    assert!(browser.text("document.querySelector('#told').textContent").contains("now: "), "it is spoken");
    demo.signal("KILL");
    browser.wait("document.body.classList.contains('lost')");
    assert!(browser.text("document.querySelector('#told').textContent").contains("does not answer"));
}

#[test]
fn everything_is_reached_by_keyboard() {
    let (demo, browser) = demo(&["--agents", "60"]);
    browser.open(demo.url());
    browser.press("Tab");
    assert_eq!(browser.text("document.activeElement.className"), "skip");
    browser.press("Enter");
    browser.wait("document.activeElement.id === 'main'");
    let mut reached = Vec::new();
    for _ in 0..12 {
        browser.press("Tab");
        reached.push(browser.text("document.activeElement.href ?? ''"));
        let outline = browser.text("getComputedStyle(document.activeElement).outlineStyle");
        assert_eq!(outline, "solid", "{reached:?}");
    }
    assert!(reached.iter().any(|link| link.contains("/agents?")), "{reached:?}");
    browser.press("/");
    assert_eq!(browser.text("document.activeElement.id"), "find");
    browser.type_text("agent");
    browser.eval("window.gone = true");
    browser.press("Enter");
    browser.loaded();
    assert!(browser.text("location.href").ends_with("/agents?q=agent"));
}

#[test]
fn hostile_names_are_seen_and_do_nothing() {
    let sim = Sim::start(Options { agents: 20, ..Options::default() });
    let folder = Folder::new();
    let hostile = "<img src=x onerror=document.title='owned'>\"'&amp;/../%2e\u{202e}";
    let config = serde_json::json!({ "defaults": { "interval": "1s" }, "targets": [{
        "name": hostile, "vendor": "resilio", "url": sim.url("resilio"), "labels": { "site": hostile },
    }, { "name": "..", "vendor": "resilio", "url": "http://127.0.0.1:1", "interval": "1s" }]});
    let daemon = Daemon::start(&folder.write("rollcall.yml", &config.to_string()));
    let browser = Browser::start();
    polled(&daemon);
    browser.open(daemon.url());
    let in_order = "document.querySelectorAll('img, main script').length === 0 && !/owned/.test(document.title)";
    assert_eq!(browser.eval(in_order), true);
    browser.wait("document.querySelectorAll('.targets tbody tr').length === 2");
    for link in [".targets tbody tr:nth-child(2) th a", ".targets tbody tr:nth-child(1) th a"] {
        browser.open(daemon.url());
        browser.click(link);
        let title = browser.text("document.querySelector('h1').textContent");
        assert!(title == ".." || title.starts_with("<img src=x") && title.contains("\\u{202e}"), "{title}");
        assert_eq!(browser.eval(in_order), true);
    }
    browser.open(&format!(
        "{}/agents?q=%3Cscript%3Ealert(1)%3C/script%3E&pool=%22%3E%3Cimg%20src=x%3E&target=%00",
        daemon.url()
    ));
    assert_eq!(browser.eval(in_order), true);
    assert_eq!(*browser.complaints.borrow(), Vec::<String>::new());
}

#[test]
fn a_hold_is_explained_and_a_button_ends_it() {
    let flags =
        ["--agents", "20", "--incident", "password-expired", "--incident.delay", "0s", "--web.enable-lifecycle"];
    let (demo, browser) = demo(&flags);
    browser.open(demo.url());
    browser.wait("/refused/.test(document.querySelector('.troubles')?.textContent ?? '')");
    browser.click(".troubles tr.warning th a, .troubles tr.critical th a");
    browser.wait("document.querySelector('#hold') !== null");
    assert!(browser.text("document.querySelector('main').textContent").contains("By itself Rollcall tries again"));
    browser.click("main form button");
    assert!(browser.text("document.querySelector('main').textContent").contains("Released"));
    assert!(browser.text("location.pathname").starts_with("/targets/"));
}

#[test]
fn a_hundred_thousand_agents_stay_quick() {
    let sim = Sim::start(Options { agents: 100_000, frozen: true, ..Options::default() });
    let config = sim.config_yaml();
    let (_, targets) = config.split_once("targets:\n").expect("a configuration with targets");
    // Polled once, for as long as it takes: what is measured is the pages.
    let targets: Vec<&str> = targets.lines().filter(|line| !line.trim().starts_with("interval: ")).collect();
    let defaults = "defaults: { interval: 30m, timeout: 15m, stale_after: 2h }";
    let folder = Folder::new();
    let config = folder.write("rollcall.yml", &format!("{defaults}\ntargets:\n{}\n", targets.join("\n")));
    let demo = Daemon::start(&config);
    polled(&demo);
    let browser = Browser::start();
    for path in ["/", "/agents", "/agents?health=failed&sort=name&q=a", "/agents?sort=oldest&page=400"] {
        let page = demo.get(path);
        assert_eq!(page.status, 200);
        assert!(page.body.len() < 60_000, "{path}: {} bytes", page.body.len());
    }
    browser.open(&format!("{}/agents", demo.url()));
    assert_eq!(browser.eval("document.querySelectorAll('.agents tbody tr').length"), 50);
}
