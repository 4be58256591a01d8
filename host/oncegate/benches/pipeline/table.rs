//! Figures of several rounds, as a table.

/// The one in the middle.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A line of the table: native, and the others beside their share of it.
pub fn row(name: &str, figures: &[f64]) {
    let native = figures[0];
    let share = |figure: &f64| format!("{figure:.0} ({:.2})", figure / native);
    let others: Vec<String> = figures[1..].iter().map(share).collect();
    println!("| {name} | {native:.0} | {} |", others.join(" | "));
}
