//! The license of a farm, `GET /api/License?UseCache=true`: type, status, ends, users. Key, name and address of its owner are
//! passed over unread.

use std::borrow::Cow;

use compact_str::CompactString;

use super::{
    load::{LONGEST, count},
    wire::LicenseItem,
};
use crate::{
    api::{
        Part, Subject, Warnings,
        lenient::{self, Field, FromScalar, Timestamp},
    },
    catalogue::parallels_ras::{
        LICENSE_EXPIRY, LICENSE_GRACE_DAYS, LICENSE_INFO, LICENSE_SUPPORT_EXPIRY, LICENSE_USERS,
    },
    failure::Failure,
};

/// Where it is. With the cache the server does not count users at each request.
pub const PATH: &str = "/api/License?UseCache=true";

/// A license.
#[derive(Debug, Default)]
pub struct License {
    license_type: CompactString,
    status: CompactString,
    expiry: Option<f64>,
    support_expiry: Option<f64>,
    installed: Option<f64>,
    peak: Option<f64>,
    used: Option<f64>,
    grace_days: Option<f64>,
}

impl License {
    /// Reads the answer.
    pub fn read(body: &[u8], warnings: &Warnings) -> Result<License, Failure> {
        let text = lenient::text(body);
        let item: LicenseItem<'_> = lenient::object(&text)?;
        Ok(License {
            license_type: word(item.license_type),
            status: word(item.license_status),
            expiry: day(item.expiry_date).get(warnings, "license expiryDate"),
            support_expiry: day(item.support_expire_date).get(warnings, "license supportExpireDate"),
            installed: count(item.installed_users, warnings, "license installedUsers"),
            peak: count(item.users_peak, warnings, "license usersPeak"),
            used: count(item.usage_today, warnings, "license usageToday"),
            grace_days: count(item.grace_period_days_left, warnings, "license gracePeriodDaysLeft"),
        })
    }

    /// Sets the samples.
    pub fn set(&self, part: &mut Part) {
        let farm = Subject::Target;
        part.set(&LICENSE_INFO, farm, &[&self.license_type, &self.status], 1.0);
        part.set_some(&LICENSE_EXPIRY, farm, &[], self.expiry);
        part.set_some(&LICENSE_SUPPORT_EXPIRY, farm, &[], self.support_expiry);
        for (kind, users) in [("installed", self.installed), ("peak", self.peak), ("used", self.used)] {
            part.set_some(&LICENSE_USERS, farm, &[kind], users);
        }
        part.set_some(&LICENSE_GRACE_DAYS, farm, &[], self.grace_days);
    }
}

/// The word of an enum: `PostPaid` of `2 = PostPaid`, `code_2` where there is only the number.
fn word(field: Field<Cow<'_, str>>) -> CompactString {
    let Some(text) = field.filled().ok() else { return CompactString::default() };
    let text = text.split_once('=').map_or(&*text, |(_, name)| name).trim();
    match text.parse::<i64>() {
        Ok(code) => format!("code_{code}").into(),
        Err(_) => lenient::cut(text, LONGEST).into(),
    }
}

/// A day, with or without a time, in seconds since the Unix epoch. The vendor's sample is day first: so is a date with `/`,
/// and one whose first number can be no month. What begins with the year is ISO 8601. Of the rest nobody can tell day from
/// month, and no date is better than a wrong one.
fn day(field: Field<Cow<'_, str>>) -> Field<f64> {
    field.filled().and_then(|text| {
        let text = text.trim();
        let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
        let Some(separator) = date.chars().find(|c| !c.is_ascii_digit()).filter(|c| "/.-".contains(*c)) else {
            return Field::Bad;
        };
        let numbers: Vec<&str> = date.split(separator).collect();
        let [first, second, third] = numbers[..] else { return Field::Bad };
        let can_be_month = first.parse::<u32>().is_ok_and(|number| number <= 12);
        let (year, month, day) = match first.len() {
            4 => (first, second, third),
            _ if separator == '/' || !can_be_month => (third, second, first),
            _ => return Field::Bad,
        };
        if year.len() != 4 || month.len() > 2 || day.len() > 2 {
            return Field::Bad;
        }
        let seconds = if time.matches(':').count() == 1 { ":00" } else { "" };
        let iso = format!("{year}-{month:0>2}-{day:0>2}T{time}{seconds}");
        Timestamp::text(iso.into()).and_then(|moment| Field::Value(moment.as_secs_f64()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: f64 = 86_400.0;

    #[test]
    fn a_day_is_read_where_its_order_is_certain() {
        let read = |text: &'static str| day(Field::Value(text.into()));
        // 2021-02-21.
        let expected = Field::Value(18_679.0 * DAY);
        for text in [
            "21/02/2021",
            "21/2/2021",
            "21.02.2021",
            "21-02-2021",
            " 21/02/2021 ",
            "2021-02-21",
            "2021/02/21",
            "2021-02-21T00:00:00",
            "2021-02-21T00:00:00.0000000Z",
            "21/02/2021 00:00",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(read("03/05/2019 05:30"), Field::Value(18_019.0 * DAY + 5.5 * 3600.0), "as in the vendor's sample");
        for missing in ["", "  ", "01/01/0001", "0001-01-01T00:00:00"] {
            assert_eq!(read(missing), Field::Missing, "{missing}");
        }
        // Month first, two digits of a year, a day that is none, an order that nobody can tell.
        for bad in
            ["02/21/2021", "21/02/21", "31/02/2021", "03-05-2019", "3.5.2019", "never", "20210221", "21/02/2021 x"]
        {
            assert_eq!(read(bad), Field::Bad, "{bad}");
        }
    }

    #[test]
    fn what_is_empty_or_new_is_absent_or_a_number() {
        let words = |text: &'static str| word(Field::Value(text.into()));
        assert_eq!(words("PrePaid"), "PrePaid");
        assert_eq!(words("2 = PostPaid"), "PostPaid");
        assert_eq!((words("3"), words(" "), word(Field::Missing)), ("code_3".into(), "".into(), "".into()));
        let warnings = Warnings::default();
        let body =
            br#"{"licenseType":"3","installedUsers":"","usersPeak":"0","usageToday":-1,"gracePeriodDaysLeft":""}"#;
        let license = License::read(body, &warnings).expect("an object");
        assert_eq!((license.installed, license.peak, license.used, license.grace_days), (None, Some(0.0), None, None));
        assert_eq!(warnings.count(crate::api::Warning::BadValue), 1);
        assert!(License::read(b"[]", &warnings).is_err());
    }
}
