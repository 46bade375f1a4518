"""What the months are called in the large European languages, whole, bent or cut short."""

from __future__ import annotations

import unicodedata

NAMES = (
    "january januari januar janvier enero gennaio janeiro styczen stycznia ianuarie leden ledna ocak январь января",
    "february februari februar fevrier febrero febbraio fevereiro luty lutego februarie unor unora subat "
    "февраль февраля",
    "march maart mrt marz mrz maerz mars marzo marco marzec marca martie brezen brezna mart март марта",
    "april avril abril aprile kwiecien kwietnia aprilie duben dubna nisan апрель апреля",
    "may mei mai mayo maggio maio maj maja kveten kvetna mayis май мая",
    "june juni juin junio giugno junho czerwiec czerwca iunie cerven cervna haziran июнь июня",
    "july juli juillet julio luglio julho lipiec lipca iulie cervenec cervence temmuz июль июля",
    "august augustus aout agosto sierpien sierpnia augusti srpen srpna agustos август августа",
    "september septembre septiembre setiembre settembre setembro wrzesien wrzesnia septembrie zari eylul "
    "сентябрь сентября",
    "october oktober octobre octubre ottobre outubro pazdziernik pazdziernika octombrie rijen rijna oktobar ekim "
    "октябрь октября",
    "november novembre noviembre novembro listopad listopada noiembrie kasim ноябрь ноября",
    "december dezember decembre diciembre dicembre dezembro grudzien grudnia decembrie desember prosinec prosince "
    "aralik декабрь декабря",
)
"""A month's names in English, Dutch, German, French, Spanish, Italian, Portuguese, Polish, Romanian, Czech, Turkish,
Russian and the languages of Scandinavia, without accents; of Slavic ones also the genitive, as it stands in dates."""
SHORTEST = 3
"""Letters by which a month may be called."""
BARE = str.maketrans({"ł": "l", "ı": "i"})


def plain(text: str) -> str:
    """In small letters, without accents."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(BARE))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _by_name() -> dict[str, int]:
    """Every name, and every beginning of one that belongs to one month alone."""
    whole: dict[str, int] = {}
    begun: dict[str, set[int]] = {}
    for month, names in enumerate(NAMES, start=1):
        for name in plain(names).split():
            whole[name] = month
            for length in range(SHORTEST, len(name)):
                begun.setdefault(name[:length], set()).add(month)
    return {start: next(iter(months)) for start, months in begun.items() if len(months) == 1} | whole


MONTHS = _by_name()


def month_named(name: str) -> int | None:
    """1 to 12 for 'March', 'mrt', 'févr.' or 'stycznia'; None for what is no month."""
    return MONTHS.get(plain(name.strip().rstrip(".")))
