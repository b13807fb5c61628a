//! What a reader that has nothing in common with the writer reads back.

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;

const LINK: &str = "sotto:invite:ahzar5ztcgkxhjm3ia4f2h6nmjvnpc5ydmqtrar3vwjrbg4ghvs5qaoiylp6a7tohi";

/// A picture in grey, as a camera would deliver it.
struct Picture {
    side: usize,
    grey: Vec<u8>,
}

impl Picture {
    /// Modules blown up, so that the reader has pixels to measure.
    fn of_modules(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> Self {
        let px = side * MODULE_PX;
        let at = |index: usize| is_dark(index % px / MODULE_PX, index / px / MODULE_PX);
        let grey = (0..px * px).map(|index| if at(index) { 0 } else { 255 }).collect();
        Self { side: px, grey }
    }

    fn of_png(file: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut grey = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut grey).unwrap();
        assert_eq!((info.width, info.color_type), (info.height, png::ColorType::Grayscale));
        Self { side: info.width.try_into().unwrap(), grey }
    }

    /// Fills the rectangles `Mx yhWv1Hxz` of the second path.
    fn of_svg(document: &str) -> Self {
        let between = |text: &str, before: &str, after: char| {
            text.split_once(before).unwrap().1.split_once(after).unwrap().0.to_owned()
        };
        let side: usize = between(document, "viewBox=\"0 0 ", ' ').parse().unwrap();
        let path = between(document, "fill=\"#000\" d=\"", '"');
        let mut dark = vec![false; side * side];
        for run in path.split('M').skip(1) {
            let (x, rest) = run.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let (len, _) = rest.split_once("v1H").unwrap();
            let [x, y, len] = [x, y, len].map(|number| number.parse::<usize>().unwrap());
            dark[y * side + x..y * side + x + len].fill(true);
        }
        Self::of_modules(side, |x, y| dark[y * side + x])
    }

    /// What the lines look like on a terminal that has obeyed their colours.
    fn of_terminal(lines: &str) -> Self {
        let rows: Vec<Vec<char>> = lines
            .lines()
            .map(|line| line.strip_prefix(BLACK_ON_WHITE).unwrap().strip_suffix(RESET).unwrap())
            .map(|line| line.chars().collect())
            .collect();
        let side = rows[0].len();
        assert_eq!(rows.len(), side.div_ceil(2));
        Self::of_modules(side, |x, y| match rows[y / 2][x] {
            '█' => true,
            '▀' => y % 2 == 0,
            '▄' => y % 2 == 1,
            ' ' => false,
            other => panic!("{other:?} in a code"),
        })
    }

    fn read(&self) -> String {
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(self.side, self.side, |x, y| {
            self.grey[y * self.side + x]
        });
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1, "the reader finds one code");
        grids[0].decode().unwrap().1
    }
}

#[test]
fn every_form_is_read_back_by_an_independent_reader() {
    let qr = Qr::of_link(LINK).unwrap();
    let upper = LINK.to_ascii_uppercase();
    assert_eq!(Picture::of_png(&qr.png().unwrap()).read(), upper);
    assert_eq!(Picture::of_svg(&qr.svg()).read(), upper);
    assert_eq!(Picture::of_terminal(&qr.terminal()).read(), upper);
    let (png_len, svg_len) = (qr.png().unwrap().len(), qr.svg().len());
    println!("{} columns and {} lines; PNG {png_len} bytes, SVG {svg_len}", qr.side, qr.side.div_ceil(2));
}

#[test]
fn what_is_read_back_is_the_link_again() {
    let invite = crate::core::Invite::parse(LINK).unwrap();
    let read = Picture::of_png(&Qr::of_link(LINK).unwrap().png().unwrap()).read();
    assert_eq!(crate::core::Invite::parse(&read).unwrap().link().as_str(), invite.link().as_str());
}

#[test]
fn an_invitation_is_small_enough_for_eighty_columns_and_half_a_screen() {
    let qr = Qr::of_link(LINK).unwrap();
    // Version 4 has 33 modules; lower case would need version 5.
    assert_eq!(qr.columns(), 33 + 2 * QUIET_MODULES);
    assert_eq!(qr.terminal().lines().count(), 21);
}

#[test]
fn the_quiet_zone_is_four_light_modules_on_every_side() {
    let qr = Qr::of_link(LINK).unwrap();
    let inner = QUIET_MODULES..qr.side - QUIET_MODULES;
    for (y, row) in qr.rows().enumerate() {
        for (x, is_dark) in row.iter().enumerate() {
            assert!(!is_dark || inner.contains(&x) && inner.contains(&y), "dark at {x}, {y}");
        }
    }
    // The corner of a finder pattern is dark: the zone is not wider than four.
    assert!(qr.modules[QUIET_MODULES * qr.side + QUIET_MODULES]);
}

#[test]
fn a_code_wider_than_the_terminal_is_refused_with_both_widths() {
    let needed = Qr::of_link(LINK).unwrap().columns();
    assert!(lines(LINK, Some(needed)).is_ok());
    assert!(lines(LINK, None).is_ok());
    let error = lines(LINK, Some(needed - 1)).unwrap_err();
    assert_eq!(error.label(), "qr-terminal-width");
    insta::assert_snapshot!(error, @"the QR code needs 41 columns and this terminal has 40; widen it, use smaller letters or write a picture");
}

#[test]
fn a_picture_is_private_and_replaces_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["code.png", "code.SVG"] {
        let path = directory.path().join(name);
        write_picture(&path, LINK).unwrap();
        let content = std::fs::read(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let picture = match Format::of(&path).unwrap() {
            Format::Png => Picture::of_png(&content),
            Format::Svg => Picture::of_svg(std::str::from_utf8(&content).unwrap()),
        };
        assert_eq!(picture.read(), LINK.to_ascii_uppercase());
        assert_eq!(write_picture(&path, "sotto:other").unwrap_err().label(), "exists");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing unfinished is left");
}

#[test]
fn other_endings_and_lengths_are_refused() {
    for name in ["code", "code.jpg", ".png", "png"] {
        assert_eq!(picture_path(name).unwrap_err().label(), "qr-picture-name", "{name}");
        assert_eq!(write_picture(Path::new(name), LINK).unwrap_err().label(), "qr-picture-name");
    }
    assert_eq!(Qr::of_link("").unwrap_err().label(), "qr-length");
    assert_eq!(Qr::of_link(&"a".repeat(LINK_LEN_MAX + 1)).unwrap_err().label(), "qr-length");
    assert!(Qr::of_link(&"a".repeat(LINK_LEN_MAX)).is_ok());
}

#[test]
fn debug_shows_no_module() {
    insta::assert_snapshot!(format!("{:?}", Qr::of_link(LINK).unwrap()), @"Qr { side: 41, .. }");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn links_of_any_length_are_read_back(text in "sotto:[a-z2-7]{1,500}") {
        let qr = Qr::of_link(&text).unwrap();
        let upper = text.to_ascii_uppercase();
        prop_assert_eq!(Picture::of_svg(&qr.svg()).read(), upper.as_str());
        prop_assert_eq!(Picture::of_terminal(&qr.terminal()).read(), upper);
    }
}
