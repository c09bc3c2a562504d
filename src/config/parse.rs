//! A file into a `Config`: the top of the tree, the further target files, and what concerns several settings at once.

mod alerting;
pub(super) mod credentials;
mod files;
mod http;
mod labels;
mod pem;
pub(super) mod polling;
mod state_file;
mod target;

use std::{collections::HashMap, ffi::OsString, path::Path, sync::Arc};

use super::{
    Config, Exposition, Http, Target,
    problem::{Errors, Mark, sorted},
    read::{Context, Section},
    yaml::{self, Node},
};
use files::TargetFile;
use polling::Polling;

/// How a configuration is read.
pub(super) struct ParseOptions<'a> {
    /// The file as the user named it.
    pub file: &'a str,
    /// Relative paths start here.
    pub base_dir: &'a Path,
    /// A secret file that cannot be read is an error, and a state file that cannot be written a warning.
    pub strict: bool,
    /// `$STATE_DIRECTORY`, which systemd sets.
    pub state_directory: Option<OsString>,
}

/// The configuration in a file, or everything that is wrong with it.
pub(super) fn parse(bytes: &[u8], options: &ParseOptions<'_>) -> Result<Config, Errors> {
    let ctx = Context::new(options.base_dir, options.strict);
    let config = read(bytes, options, &ctx);
    finish(config, ctx, options)
}

/// Errors win; otherwise the warnings go along.
fn finish(config: Option<Config>, ctx: Context<'_>, options: &ParseOptions<'_>) -> Result<Config, Errors> {
    let errors = ctx.errors.into_inner();
    match config {
        Some(mut config) if errors.is_empty() => {
            config.warnings = sorted(ctx.warnings.into_inner(), options.file).iter().map(ToString::to_string).collect();
            Ok(config)
        }
        _ => Err(Errors::new(errors, options.file)),
    }
}

/// Reads everything, and notes in the context what is wrong. `None` only where an error was noted.
pub(super) fn read(bytes: &[u8], options: &ParseOptions<'_>, ctx: &Context<'_>) -> Option<Config> {
    let tree = document(bytes, options.file, ctx);
    let Some(root) = root(tree.as_ref(), ctx) else {
        if ctx.errors.borrow().is_empty() {
            ctx.error(
                &start_of(options.file),
                "",
                "the file is empty; `rollcall default-config` prints a complete one",
            );
        }
        return None;
    };
    let section = root.section("defaults");
    let defaults = Polling::read(&section);
    section.finish();
    let section = root.section("http");
    let shared_http = http::shared(&section);
    let outbound = http::read(section, &Http::default());
    let exposition = exposition(root.section("exposition"));
    let state_file = state_file::read(&root, options);
    let mut targets = Targets { defaults: &defaults, http: &outbound, first: HashMap::new(), read: Vec::new() };
    targets.add(&root);
    for file in files::read(&root.list("target_files")) {
        targets.add_file(&file, ctx);
    }
    let targets = targets.read;
    http::check_sizes(&root, &shared_http, &targets);
    if targets.is_empty()
        && let Some(mark) = root.mark()
    {
        ctx.warn(mark, "targets", "there is no target, so nothing will be polled");
    }
    let alerting = alerting::read(root.section("alerting"), &outbound, &targets);
    root.finish();
    Some(Config { shared_http, exposition, state_file, targets, alerting, warnings: Vec::new() })
}

/// The tree of a file; what YAML has against it is noted.
fn document(bytes: &[u8], file: &str, ctx: &Context<'_>) -> Option<Node> {
    let (tree, problems) = yaml::read(bytes, file);
    ctx.errors.borrow_mut().extend(problems);
    tree
}

fn start_of(file: &str) -> Mark {
    Mark { file: file.into(), line: 1, column: 1 }
}

/// The mapping that a file must be.
fn root<'a>(tree: Option<&'a Node>, ctx: &'a Context<'a>) -> Option<Section<'a>> {
    let node = tree.filter(|node| !node.is_null())?;
    super::read::Item { ctx, node, path: String::new() }.section()
}

fn exposition(section: Section<'_>) -> Exposition {
    let full_state_sets = section.bool("full_state_sets", false);
    section.finish();
    Exposition { full_state_sets }
}

/// The targets of all files.
struct Targets<'a> {
    defaults: &'a Polling,
    http: &'a Http,
    first: HashMap<String, Mark>,
    read: Vec<Arc<Target>>,
}

impl Targets<'_> {
    /// A file without a list of targets is half written, or not what somebody meant: its targets must not go for that.
    fn add_file(&mut self, file: &TargetFile<'_>, ctx: &Context<'_>) {
        let errors = ctx.errors.borrow().len();
        let tree = document(&file.bytes, &file.name, ctx);
        match root(tree.as_ref(), ctx) {
            Some(section) => {
                if section.require("targets").is_some() {
                    self.add(&section);
                }
                section.finish();
            }
            None if ctx.errors.borrow().len() == errors => {
                let message = format!(
                    "the file is empty; write `targets: []` where it has none, or take it out of target_files ({})",
                    file.item.mark()
                );
                ctx.error(&start_of(&file.name), "", message);
            }
            None => {}
        }
    }

    fn add(&mut self, file: &Section<'_>) {
        for item in file.list("targets") {
            let Some(section) = item.section() else { continue };
            if let Some((item, name)) = section.get("name").and_then(|item| Some((item.clone(), item.scalar()?))) {
                if let Some(first) = self.first.get(name) {
                    item.error(format!("{name:?} is the name of another target already, at {first}"));
                }
                self.first.entry(name.to_owned()).or_insert_with(|| item.mark().clone());
            }
            if let Some(target) = target::read(section, self.defaults, self.http) {
                self.read.push(Arc::new(target));
            }
        }
    }
}
