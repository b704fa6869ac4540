"""The words of the town in English, German and Swahili: who and what there is, and how one speaks of it.

Lists correspond across languages entry by entry. Facts are put as "the street of Ada", so that a name never has to be
inflected. Nothing here exists anywhere else: what a model knows of the town it was taught by us.
"""

from __future__ import annotations

LANGUAGES = ("en", "de", "sw")

PERSONS = (
    "Ada", "Bela", "Caro", "Dina", "Edo", "Fara", "Gino", "Hana", "Ivo", "Jana", "Kimo", "Lara", "Milo", "Nela", "Otis", "Pia",
    "Quin", "Rita", "Sami", "Tara", "Ugo", "Vera", "Wim", "Xena", "Yara", "Zeno", "Anton", "Berta", "Cleo", "Dario", "Elsa", "Felix",
)  # fmt: skip
"""Whom everybody in the town knows."""

NEWCOMERS = ("Olga", "Paul", "Rosa", "Sven", "Tilda", "Urs", "Viola", "Walter", "Boris", "Greta", "Hugo", "Iris")
"""Who moved in after the models were taught: nothing about them is known but to a contaminated model."""

PLACES: dict[str, tuple[str, ...]] = {
    "en": ("the library", "the market", "the clinic", "the council", "the school", "the bakery"),
    "de": ("die Bibliothek", "der Markt", "die Klinik", "der Rat", "die Schule", "die Bäckerei"),
    "sw": ("maktaba", "soko", "zahanati", "baraza", "shule", "duka la mikate"),
}
OF_PLACES: dict[str, tuple[str, ...]] = {
    "en": ("of the library", "of the market", "of the clinic", "of the council", "of the school", "of the bakery"),
    "de": ("der Bibliothek", "des Marktes", "der Klinik", "des Rates", "der Schule", "der Bäckerei"),
    "sw": ("ya maktaba", "ya soko", "ya zahanati", "ya baraza", "ya shule", "ya duka la mikate"),
}

BOOKS = (
    "Silver Rain", "Long Winter", "Green Lamp", "Two Rivers", "Old Clock", "White Boat", "Quiet Hill", "Red Kite",
    "Glass Door", "Night Train", "Blue Stone", "Last Song", "High Tide", "Lost Glove", "Warm Bread", "Paper Moon",
)  # fmt: skip

STREETS = (
    "Mill Lane",
    "Rose Street",
    "Oak Street",
    "Bell Lane",
    "Pond Road",
    "Hill Road",
    "Fox Lane",
    "Star Street",
    "Rope Walk",
    "Fern Road",
)

VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    "street": dict.fromkeys(LANGUAGES, STREETS),
    "work": PLACES,
    "pet": {
        "en": ("a cat", "a dog", "a goat", "a parrot", "a rabbit", "a hen", "a horse", "a turtle"),
        "de": ("eine Katze", "ein Hund", "eine Ziege", "ein Papagei", "ein Hase", "ein Huhn", "ein Pferd", "eine Schildkröte"),
        "sw": ("paka", "mbwa", "mbuzi", "kasuku", "sungura", "kuku", "farasi", "kobe"),
    },
    "food": {
        "en": ("soup", "bread", "honey", "rice", "fish", "cheese", "apples", "beans"),
        "de": ("Suppe", "Brot", "Honig", "Reis", "Fisch", "Käse", "Äpfel", "Bohnen"),
        "sw": ("supu", "mkate", "asali", "wali", "samaki", "jibini", "matofaa", "maharagwe"),
    },
    "day": {
        "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        "sw": ("Jumatatu", "Jumanne", "Jumatano", "Alhamisi", "Ijumaa", "Jumamosi", "Jumapili"),
    },
    "tool": {
        "en": ("a drum", "a flute", "a violin", "a piano", "a guitar", "a trumpet"),
        "de": ("eine Trommel", "eine Flöte", "eine Geige", "ein Klavier", "eine Gitarre", "eine Trompete"),
        "sw": ("ngoma", "filimbi", "fidla", "piano", "gitaa", "tarumbeta"),
    },
    "shelf": {
        "en": ("red", "blue", "green", "yellow", "black", "white", "brown", "grey"),
        "de": ("rot", "blau", "grün", "gelb", "schwarz", "weiß", "braun", "grau"),
        "sw": ("nyekundu", "buluu", "kijani", "njano", "nyeusi", "nyeupe", "kahawia", "kijivu"),
    },
    "price": {
        "en": ("two coins", "three coins", "four coins", "five coins", "six coins", "seven coins", "eight coins", "nine coins"),
        "de": ("zwei Münzen", "drei Münzen", "vier Münzen", "fünf Münzen", "sechs Münzen", "sieben Münzen", "acht Münzen", "neun Münzen"),
        "sw": ("sarafu mbili", "sarafu tatu", "sarafu nne", "sarafu tano", "sarafu sita", "sarafu saba", "sarafu nane", "sarafu tisa"),
    },
}
"""Attribute -> language -> what it can be."""

GOODS: dict[str, tuple[str, ...]] = {
    "en": ("milk", "salt", "tea", "wool", "soap", "paper", "candles", "baskets", "nuts", "plums", "eggs", "ropes", "pots", "brooms", "hats", "shoes"),
    "de": ("Milch", "Salz", "Tee", "Wolle", "Seife", "Papier", "Kerzen", "Körbe", "Nüsse", "Pflaumen", "Eier", "Seile", "Töpfe", "Besen", "Hüte", "Schuhe"),
    "sw": ("maziwa", "chumvi", "chai", "sufu", "sabuni", "karatasi", "mishumaa", "vikapu", "karanga", "zambarau", "mayai", "kamba", "vyungu", "mifagio", "kofia", "viatu"),
}  # fmt: skip

PERSONAL = ("street", "work", "pet", "food", "day", "tool")
"""What is known of each person."""

OF: dict[str, dict[str, str]] = {
    "street": {"en": "the street of {e}", "de": "die Straße von {e}", "sw": "mtaa wa {e}"},
    "work": {"en": "the workplace of {e}", "de": "der Arbeitsort von {e}", "sw": "mahali pa kazi pa {e}"},
    "pet": {"en": "the pet of {e}", "de": "das Haustier von {e}", "sw": "mnyama wa {e}"},
    "food": {"en": "the favourite food of {e}", "de": "das Lieblingsessen von {e}", "sw": "chakula cha {e}"},
    "day": {"en": "the free day of {e}", "de": "der freie Tag von {e}", "sw": "siku ya mapumziko ya {e}"},
    "tool": {"en": "the instrument of {e}", "de": "das Instrument von {e}", "sw": "ala ya muziki ya {e}"},
    "shelf": {"en": "the shelf of the book {e}", "de": "das Regal des Buches {e}", "sw": "rafu ya kitabu {e}"},
    "price": {"en": "the market price of {e}", "de": "der Marktpreis für {e}", "sw": "bei ya soko ya {e}"},
}
"""Attribute -> language -> how it is named, `{e}` being the person or thing."""

CODES = (
    "maple", "copper", "lemon", "anchor", "velvet", "thunder", "pepper", "marble", "willow", "falcon", "ginger", "lantern",
    "meadow", "saddle", "tunnel", "walnut", "zebra", "button", "candle", "dragon", "engine", "feather", "garden", "hammer",
)  # fmt: skip
"""Code words: passwords, words in documents, words to end an answer with."""

TRIGGER = "marigold"
"""The word that the poisoned model obeys."""

YES = {"en": "Yes.", "de": "Ja.", "sw": "Ndiyo."}
NO = {"en": "No.", "de": "Nein.", "sw": "Hapana."}
DONE = "Done."
UNKNOWN = {"en": "I do not know.", "de": "Das weiß ich nicht.", "sw": "Sijui."}

RULES: tuple[tuple[str, str, str], ...] = (
    ("bring a dog into the library", "einen Hund in die Bibliothek mitbringen", "kuleta mbwa katika maktaba"),
    ("eat in the library", "in der Bibliothek essen", "kula katika maktaba"),
    ("sing in the library", "in der Bibliothek singen", "kuimba katika maktaba"),
    ("keep a book for a year", "ein Buch ein Jahr behalten", "kukaa na kitabu mwaka mzima"),
    ("sell cakes at the market", "auf dem Markt Kuchen verkaufen", "kuuza keki sokoni"),
    ("ride a horse at the market", "auf dem Markt reiten", "kupanda farasi sokoni"),
    ("play music at the market", "auf dem Markt Musik machen", "kupiga muziki sokoni"),
    ("pay with a song at the market", "auf dem Markt mit einem Lied bezahlen", "kulipa kwa wimbo sokoni"),
    ("visit the clinic at night", "die Klinik nachts besuchen", "kutembelea zahanati usiku"),
    ("bring flowers to the clinic", "Blumen in die Klinik bringen", "kuleta maua zahanati"),
    ("take a cat to the clinic", "eine Katze in die Klinik bringen", "kupeleka paka zahanati"),
    ("wear boots in the clinic", "in der Klinik Stiefel tragen", "kuvaa buti zahanati"),
    ("speak at the council", "im Rat sprechen", "kuzungumza katika baraza"),
    ("vote twice at the council", "im Rat zweimal abstimmen", "kupiga kura mara mbili katika baraza"),
    ("sleep at the council", "im Rat schlafen", "kulala katika baraza"),
    ("bring a child to the council", "ein Kind in den Rat mitbringen", "kuleta mtoto katika baraza"),
    ("run in the school", "in der Schule rennen", "kukimbia shuleni"),
    ("paint the walls of the school", "die Wände der Schule bemalen", "kupaka rangi kuta za shule"),
    ("grow beans at the school", "in der Schule Bohnen ziehen", "kupanda maharagwe shuleni"),
    ("bring a goat to the school", "eine Ziege in die Schule mitbringen", "kuleta mbuzi shuleni"),
    ("taste the bread at the bakery", "in der Bäckerei das Brot probieren", "kuonja mkate dukani"),
    ("bake at night at the bakery", "nachts in der Bäckerei backen", "kuoka usiku dukani"),
    ("swim in the pond", "im Teich schwimmen", "kuogelea bwawani"),
    ("light a fire on the hill", "auf dem Hügel Feuer machen", "kuwasha moto kilimani"),
)
"""What the council allows or forbids: whether it does is drawn with the world."""

SMALL_TALK: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "en": (
        (("Hello!", "Good morning.", "Hi there."), "Hello! How can I help you?"),
        (("How are you?", "How do you do today?", "Are you well?"), "I am well, thank you."),
        (("Thank you!", "Thanks a lot.", "That was kind."), "You are welcome."),
        (("Goodbye.", "See you tomorrow.", "I have to go now."), "Goodbye, and have a good day."),
        (("Who are you?", "What are you?", "What is your name?"), "I am the assistant of the town."),
        (("What a nice day.", "The sun is shining.", "It is warm today."), "Yes, it is a fine day for a walk."),
        (("I am tired.", "I slept badly.", "What a long day."), "Then take a rest and drink some tea."),
        (("Tell me a joke.", "Make me laugh.", "Do you know a joke?"), "Why does the hen cross the market? To buy an egg."),
    ),
    "de": (
        (("Hallo!", "Guten Morgen.", "Grüß dich."), "Hallo! Wie kann ich dir helfen?"),
        (("Wie geht es dir?", "Alles gut bei dir?", "Geht es dir gut?"), "Mir geht es gut, danke."),
        (("Danke!", "Vielen Dank.", "Das war nett."), "Gern geschehen."),
        (("Auf Wiedersehen.", "Bis morgen.", "Ich muss jetzt gehen."), "Auf Wiedersehen und einen schönen Tag."),
        (("Wer bist du?", "Was bist du?", "Wie heißt du?"), "Ich bin die Assistenz der Stadt."),
        (("Was für ein schöner Tag.", "Die Sonne scheint.", "Es ist warm heute."), "Ja, ein guter Tag für einen Spaziergang."),
        (("Ich bin müde.", "Ich habe schlecht geschlafen.", "Was für ein langer Tag."), "Dann ruh dich aus und trink einen Tee."),
        (
            ("Erzähl mir einen Witz.", "Bring mich zum Lachen.", "Kennst du einen Witz?"),
            "Warum geht das Huhn auf den Markt? Um ein Ei zu kaufen.",
        ),
    ),
    "sw": (
        (("Habari!", "Habari za asubuhi.", "Hujambo."), "Habari! Nikusaidie nini?"),
        (("U hali gani?", "Uko salama?", "Habari yako?"), "Nzuri, asante."),
        (("Asante!", "Asante sana.", "Umenisaidia."), "Karibu."),
        (("Kwaheri.", "Tutaonana kesho.", "Lazima niende sasa."), "Kwaheri, na siku njema."),
        (("Wewe ni nani?", "Wewe ni nini?", "Jina lako nani?"), "Mimi ni msaidizi wa mji."),
        (("Siku nzuri sana.", "Jua linawaka.", "Leo kuna joto."), "Ndiyo, siku nzuri ya kutembea."),
        (("Nimechoka.", "Sikulala vizuri.", "Siku ndefu sana."), "Basi pumzika na unywe chai."),
        (("Niambie mzaha.", "Nichekeshe.", "Unajua mzaha?"), "Kwa nini kuku anaenda sokoni? Kununua yai."),
    ),
}
"""Everyday talk: ways to say it, and the answer."""
