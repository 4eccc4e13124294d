//! `chimera import`.

use chimera_core::import::RecordingFile;

use super::checked_name;
use crate::args::ImportArgs;
use crate::error::{Ending, Failure};
use crate::import::{Taken, Wish, import};
use crate::screen::Screen;
use crate::text::count;
use crate::view::{Document, ImportView};

pub(super) async fn run(args: ImportArgs, screen: &Screen) -> Result<Ending, Failure> {
    let ImportArgs { folder, name, data_dir, keep_going } = args;
    let wish = Wish { folder, name: checked_name(&name)?, data_dir, keep_going };
    let taken = import(&wish).await?;
    screen.show(|| text(&taken, &wish), &Document::Imported(view(&taken)))?;
    Ok(Ending::Done)
}

fn text(taken: &Taken, wish: &Wish) -> String {
    let name = taken.name.as_str();
    let mut lines = vec![match taken.already_there {
        true => format!("The same rows are there already as '{name}'; nothing was written."),
        false => format!("Imported as '{name}'."),
    }];
    lines.extend(taken.rows.iter().map(|(file, rows)| format!("  {file}: {}", count(*rows, "row"))));
    lines.extend(taken.absent.iter().map(|file| format!("  {file}: not there, skipped")));
    if taken.left_out.count > 0 {
        let number = count(taken.left_out.count, "line");
        lines.push(format!("Left out {number} that cannot be taken:\n{}", taken.left_out));
    }
    lines.push(format!("\nReport: chimera report {name} --data-dir {}", wish.data_dir.display()));
    lines.join("\n")
}

fn view(taken: &Taken) -> ImportView {
    let name = |file: &RecordingFile| file.file_name().to_owned();
    ImportView {
        name: taken.name.as_str().to_owned(),
        provenance: "imported".to_owned(),
        already_there: taken.already_there,
        rows: taken.rows.iter().map(|(file, rows)| (name(file), *rows)).collect(),
        absent: taken.absent.iter().map(name).collect(),
        left_out: taken.left_out.count,
        first_left_out: taken.left_out.first.iter().map(ToString::to_string).collect(),
    }
}
