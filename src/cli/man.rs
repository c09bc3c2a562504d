//! `rollcall man --out DIR`: a man page for the program and for each of its commands.

use std::{fs, path::PathBuf};

use clap::{Args, Command, CommandFactory};

use super::Cli;

#[derive(Debug, Args)]
pub struct Man {
    /// Writes the pages into this folder: rollcall.1, rollcall-serve.1 and so on.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The date on the pages.
    #[arg(long, value_name = "DATE", default_value = "")]
    date: String,
}

pub fn run(args: &Man) -> Result<(), String> {
    // `help` would have a page for each command once more.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    fs::create_dir_all(&args.out).map_err(|error| format!("cannot create {}: {error}", args.out.display()))?;
    write(&command, args)
}

fn write(command: &Command, args: &Man) -> Result<(), String> {
    for subcommand in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        write(subcommand, args)?;
    }
    // The revision in the version would be a new page for each commit.
    let page = clap_mangen::Man::new(command.clone().version(env!("CARGO_PKG_VERSION")));
    let page = page.source(concat!("rollcall ", env!("CARGO_PKG_VERSION"))).manual("Rollcall").date(args.date.clone());
    page.generate_to(&args.out).map_err(|error| format!("cannot write into {}: {error}", args.out.display()))?;
    Ok(())
}
