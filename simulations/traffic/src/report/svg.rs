//! A plot as a picture: SVG that stands alone, or inline in a page.

use super::number::{clean, escape};

/// The width of every plot, in CSS pixels.
pub(super) const WIDTH: f64 = 720.0;
/// The most characters of a title or a description.
const WORDS_CHARACTERS_MAX: usize = 500;

/// What the neutral colours of plots become on a dark ground, and the blue, which is too dark there.
const DARK: [(&str, &str); 5] = [
    ("#1B1F24", "#E6E9EC"),
    ("#56606A", "#A9B1BA"),
    ("#DDE1E5", "#3A4149"),
    ("#EAEFF4", "#26303A"),
    ("#0072B2", "#4FA8DE"),
];

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    /// Small letters, digits and hyphens; fit for the name of a file, and unique among the plots of a plan.
    pub name: String,
    /// What it shows, in a sentence's beginning.
    pub title: String,
    /// What it shows, for those who do not see it.
    pub description: String,
    /// The picture: 720 pixels wide, without a ground, in colours that follow the reader's light or dark mode.
    pub svg: String,
}

impl Plot {
    /// Puts a drawing into a picture. The drawing has its own `<svg>` around it, of another size and without words.
    pub(super) fn new(
        name: String,
        title: &str,
        description: &str,
        drawing: &str,
        height: f64,
        scale: f64,
    ) -> Self {
        let (title, description) =
            (clean(title, WORDS_CHARACTERS_MAX), clean(description, WORDS_CHARACTERS_MAX));
        let body = drawing.split_once('>').map_or("", |(_, body)| body);
        let mut dark = String::new();
        for attribute in ["fill", "stroke"] {
            for (light, other) in DARK {
                dark.push_str(&format!("svg.plot [{attribute}=\"{light}\"]{{{attribute}:{other}}}"));
            }
        }
        let svg = format!(
            "<svg class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{name}-title {name}-desc\">\n\
             <title id=\"{name}-title\">{}</title>\n<desc id=\"{name}-desc\">{}</desc>\n\
             <style>@media screen and (prefers-color-scheme:dark){{{dark}}}</style>\n{body}",
            WIDTH * scale,
            height * scale,
            escape(&title),
            escape(&description),
        );
        Self { name, title, description, svg }
    }

    /// The same picture on white, whatever the reader's mode: for pages whose ground is not known.
    #[must_use]
    pub fn on_white(&self) -> String {
        let (Some((head, rest)), true) = (self.svg.split_once("<style>"), self.svg.contains("</style>"))
        else {
            return self.svg.clone();
        };
        let body = rest.split_once("</style>").map_or(rest, |(_, body)| body);
        format!("{head}<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>{body}")
    }
}
