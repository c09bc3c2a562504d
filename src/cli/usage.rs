//! How the command line is read and explained: blank variables, help, and what is wrong with it.

use std::{
    env,
    ffi::OsStr,
    io::{IsTerminal, Write},
    process::ExitCode,
};

use rollcall_sim::Incident;

use super::output;

/// Says what is wrong with the command line, or the help that was asked for.
pub fn explain(error: clap::Error) -> ExitCode {
    let (is_help, code) = (!error.use_stderr(), error.exit_code());
    let _flush = output::FlushAtEnd;
    if is_help {
        // It knows about colours. A reader that does not read is waited for: nothing else is to be done.
        let printed = error.print().and_then(|()| std::io::stdout().flush());
        return match printed {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                output::note(format_args!("cannot write to stdout: {error}"));
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        };
    }
    let text = error.render();
    let colour = std::io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    output::write_err(if colour { text.ansi().to_string() } else { text.to_string() });
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// A blank variable is as unset: templates of units and charts write them so.
pub fn unset_blank(command: clap::Command) -> clap::Command {
    let is_blank = |name: &OsStr| env::var_os(name).is_some_and(|value| value.to_string_lossy().trim().is_empty());
    let command = command.mut_args(|arg| match arg.get_env().is_some_and(is_blank) {
        true => arg.env(None),
        false => arg,
    });
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, unset_blank))
}

/// The incidents, in the help of `--incident`.
pub fn incidents_help() -> String {
    let lines = Incident::ALL.iter().map(|incident| format!("\n  {:20}{}", incident.name(), incident.description()));
    format!("Replays a scripted incident; repeatable:{}", lines.collect::<String>())
}
