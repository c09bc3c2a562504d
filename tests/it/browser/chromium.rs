//! A real browser, driven over its pipe: Debian's chromium, headless, with a profile of its own.

use std::{
    cell::{Cell, RefCell},
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{WAIT_TIMEOUT, wait_until};

/// A browser with one page. It ends when it is dropped.
pub struct Browser {
    process: Child,
    to: RefCell<File>,
    from: Receiver<Value>,
    next: Cell<u64>,
    session: RefCell<String>,
    /// What the page has asked for, and what it has complained of.
    pub asked: RefCell<Vec<String>>,
    pub complaints: RefCell<Vec<String>>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts one.
    pub fn start() -> Browser {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let [to, from] = ["to", "from"].map(|name| folder.path().join(name));
        for pipe in [&to, &from] {
            assert!(Command::new("mkfifo").arg(pipe).status().expect("mkfifo is there").success());
        }
        // The browser wants its pipe as descriptors 3 and 4, which only a shell can give it.
        let script = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                      --disable-background-networking --disable-component-update --hide-scrollbars \
                      --remote-debugging-pipe --user-data-dir=\"$0/profile\" about:blank 3<\"$0/to\" 4>\"$0/from\"";
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(script).arg(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let found = Command::new("chromium").arg("--version").output();
        assert!(found.is_ok_and(|found| found.status.success()), "chromium is missing; ./tests/run installs it");
        let process = shell.spawn().expect("bash is there");
        let to = OpenOptions::new().write(true).open(to).expect("the shell reads it");
        let from_pipe = File::open(from).expect("the shell writes it");
        let (send, receive) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(from_pipe);
            let mut bytes = Vec::new();
            while reader.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
                bytes.pop();
                let Ok(message) = serde_json::from_slice::<Value>(&bytes) else { break };
                if send.send(message).is_err() {
                    break;
                }
                bytes.clear();
            }
        });
        let browser = Browser {
            process,
            to: RefCell::new(to),
            from: receive,
            next: Cell::new(1),
            session: RefCell::default(),
            asked: RefCell::default(),
            complaints: RefCell::default(),
            _folder: folder,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        *browser.session.borrow_mut() = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Network", "Log", "Runtime"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.size(1280, 900);
        browser
    }

    /// Sends a command and returns its result.
    #[track_caller]
    pub fn call(&self, method: &str, params: Value) -> Value {
        let what = format!("{method} {params}");
        self.try_call(method, params).unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// The same; an error is the browser's own, as JSON.
    #[track_caller]
    fn try_call(&self, method: &str, params: Value) -> Result<Value, String> {
        let id = self.next.get();
        self.next.set(id + 1);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if !self.session.borrow().is_empty() {
            message["sessionId"] = self.session.borrow().as_str().into();
        }
        let mut bytes = serde_json::to_vec(&message).expect("plain data");
        bytes.push(0);
        self.to.borrow_mut().write_all(&bytes).expect("the browser is there");
        let until = Instant::now() + 3 * WAIT_TIMEOUT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = self.from.recv_timeout(left).unwrap_or_else(|error| panic!("{method}: {error}"));
            if message["id"] == id {
                return message
                    .get("error")
                    .map_or_else(|| Ok(message["result"].clone()), |error| Err(error.to_string()));
            }
            self.note(&message);
        }
    }

    fn note(&self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                self.asked.borrow_mut().push(params["request"]["url"].as_str().unwrap_or_default().to_owned());
            }
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                self.complaints.borrow_mut().push(params["entry"]["text"].to_string());
            }
            "Runtime.exceptionThrown" => self.complaints.borrow_mut().push(params["exceptionDetails"].to_string()),
            _ => {}
        }
    }

    /// Opens an address and waits until it is there.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.eval("window.gone = true");
        self.call("Page.navigate", json!({ "url": url }));
        self.loaded();
    }

    /// Waits for another page than the one that was marked as gone.
    #[track_caller]
    pub fn loaded(&self) {
        self.wait("window.gone === undefined && document.readyState === 'complete'");
    }

    /// Clicks on what a selector finds first, and waits for the page that it leads to.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let selector = Value::from(selector);
        self.leave(&format!("document.querySelector({selector}).click()"));
    }

    /// Does what leads to another page, and waits for that. The answer may get lost on the way there.
    #[track_caller]
    pub fn leave(&self, expression: &str) {
        let params = json!({ "expression": format!("window.gone = true; {expression}") });
        if let Ok(result) = self.try_call("Runtime.evaluate", params) {
            assert!(result.get("exceptionDetails").is_none(), "{expression}: {}", result["exceptionDetails"]);
        }
        self.loaded();
    }

    /// The value of an expression.
    #[track_caller]
    pub fn eval(&self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", params);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// The same as text.
    #[track_caller]
    pub fn text(&self, expression: &str) -> String {
        self.eval(expression).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn wait(&self, expression: &str) {
        // A page that is being replaced has no answer, or an error.
        let params = json!({ "expression": expression, "returnByValue": true });
        wait_until(expression, 2 * WAIT_TIMEOUT, || {
            let result = self.try_call("Runtime.evaluate", params.clone())?;
            if result["result"]["value"] == true { Ok(()) } else { Err(result.to_string()) }
        });
    }

    /// The window is so large; narrow ones are phones.
    pub fn size(&self, width: u32, height: u32) {
        let params = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", params);
    }

    /// Whether the reader prefers a dark page.
    pub fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let params = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.call("Emulation.setEmulatedMedia", params);
    }

    /// Whether pages may run scripts.
    pub fn scripts(&self, allowed: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": !allowed }));
    }

    /// Presses a key: `Tab`, `Enter`, `/`.
    pub fn press(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            other => (191, other),
        };
        let down = json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "text": text });
        self.call("Input.dispatchKeyEvent", down);
        self.call("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code }));
    }

    /// Types a text where the focus is.
    pub fn type_text(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Puts a picture of the page below `target/pages`, for people.
    pub fn picture(&self, name: &str) {
        use base64::Engine;
        let Ok(folder) = std::env::var("ROLLCALL_TEST_PICTURES") else { return };
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": false }));
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap_or_default());
        std::fs::write(format!("{folder}/{name}.png"), bytes.expect("a picture")).expect("the folder is there");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends with all of its processes, which a signal to the first would not.
        let mut bytes = json!({ "id": 0, "method": "Browser.close" }).to_string().into_bytes();
        bytes.push(0);
        let _ = self.to.borrow_mut().write_all(&bytes);
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
