"""Names of people in many scripts, each with its letters in ASCII, and the offices where such people work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from unicodedata import normalize

NumberingPlan = Literal["British", "French", "North American"]

# Letters that no decomposition takes to ASCII, as passports and mail addresses write them.
_LETTERS = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "Oe", "þ": "th", "Þ": "Th",
        "ð": "d", "Ð": "D", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ı": "i", "’": "", "'": "",
    }
)  # fmt: skip
_WRITTEN = re.compile(r"[A-Za-z][A-Za-z -]*")


def in_ascii(latin: str) -> str:
    """A name in Latin letters without diacritics, for addresses."""
    return normalize("NFKD", latin.translate(_LETTERS)).encode("ascii", "ignore").decode()


@dataclass(frozen=True, slots=True)
class Name:
    """A name as its bearer writes it, and in ASCII."""

    written: str
    ascii: str


@dataclass(frozen=True, slots=True)
class Office:
    """A place of work. Its telephone numbers are of a plan that keeps some for films and books."""

    city: str
    country: str
    country_code: str
    code: str
    numbers: NumberingPlan = "French"


@dataclass(frozen=True, slots=True)
class Culture:
    """How people of one language are named. Surnames of women and of men stand in the same places."""

    language: str
    office: Office
    women: tuple[Name, ...]
    men: tuple[Name, ...]
    surnames_of_women: tuple[Name, ...]
    surnames_of_men: tuple[Name, ...]
    family_name_first: bool = False


def _names(text: str) -> tuple[Name, ...]:
    """Out of "Zoë, Олена=Olena": what is not in Latin letters says how it is written in them."""
    names = []
    for each in text.split(","):
        written, _, latin = each.strip().partition("=")
        name = Name(normalize("NFC", written), in_ascii(latin or written))
        assert _WRITTEN.fullmatch(name.ascii), f"{written} needs its ASCII letters"
        names.append(name)
    return tuple(names)


def _culture(
    language: str, office: Office, women: str, men: str, surnames: str, *, family_name_first: bool = False
) -> Culture:
    """Out of texts of names; a surname may have a form of its own for women, after a stroke."""
    forms = [each.partition("|") for each in surnames.split(",")]
    return Culture(
        language, office, _names(women), _names(men),
        _names(",".join(woman or man for man, _, woman in forms)), _names(",".join(man for man, _, _ in forms)),
        family_name_first,
    )  # fmt: skip


_LONDON = Office("London", "United Kingdom", "GB", "LON", "British")
_PARIS = Office("Paris", "France", "FR", "PAR")
_ZURICH = Office("Zürich", "Switzerland", "CH", "ZRH")
_KRAKOW = Office("Kraków", "Poland", "PL", "KRK")
_REYKJAVIK = Office("Reykjavík", "Iceland", "IS", "REK", "British")
_GOTHENBURG = Office("Göteborg", "Sweden", "SE", "GOT")
_ISTANBUL = Office("İstanbul", "Türkiye", "TR", "IST")
_ATHENS = Office("Αθήνα", "Greece", "GR", "ATH")
_KYIV = Office("Київ", "Ukraine", "UA", "IEV")
_CAIRO = Office("Cairo", "Egypt", "EG", "CAI")
_MUMBAI = Office("Mumbai", "India", "IN", "BOM", "British")
_TOKYO = Office("東京", "Japan", "JP", "TYO", "North American")
_HANOI = Office("Hà Nội", "Viet Nam", "VN", "HAN")
_MONTREAL = Office("Montréal", "Canada", "CA", "YUL", "North American")
_SAO_PAULO = Office("São Paulo", "Brazil", "BR", "SAO", "North American")

CULTURES = (
    _culture("en-GB", _LONDON, "Alice, Beatrice, Chloe, Grace, Harriet, Imogen, Niamh, Zoë",
        "Arthur, Callum, Edward, Finlay, George, Hugh, Oliver, Rhys",
        "Ashworth, Blackwood, Carter, Fairfax, Hughes, Kendall, Marlow, O'Neill, Pryce, Sinclair, Whitaker, Young"),
    _culture("ga-IE", _LONDON, "Aoife, Bríd, Ciara, Gráinne, Méabh, Orlaith, Róisín, Siobhán",
        "Cillian, Colm, Donnchadh, Eoghan, Fionn, Pádraig, Ruairí, Séamus",
        "Ó Briain, Breathnach, Ó Dálaigh, Ó Faoláin, Ó Muirí, Ó Sé, Mac Aodha, Mac Mathúna"),
    _culture("yo-NG", _LONDON, "Adébáyọ̀, Bọ́láńlé, Fúnmiláyọ̀, Ìfẹ́olúwa, Mọ́remí, Títílayọ̀, Yétúndé",
        "Adéwálé, Babátúndé, Dàpọ̀, Fẹ́mi, Káyọ̀dé, Olúṣẹ́gun, Rótìmí, Ṣọlá",
        "Adébísí, Àjàyí, Akíntọ́lá, Awólọ́wọ̀, Fálọlá, Ògúnbànjọ, Olátúnjí, Ṣóyínká"),
    _culture("fr-FR", _PARIS, "Adèle, Chloé, Élodie, Hélène, Maëlle, Noémie, Océane, Zélie",
        "Aurélien, Benoît, Cédric, Étienne, François, Gaël, Loïc, Rémi",
        "Bélanger, Chênevert, D'Arcy, Desrosiers, Faÿ, Girard, Lefèvre, L'Hôte, Noël, Rêveur, Sœur, Tréguier"),
    _culture("ar-TN", _PARIS, "آمنة=Amna, سلمى=Salma, ليلى=Layla, مريم=Maryam, نور=Nour, ياسمين=Yasmine",
        "أحمد=Ahmed, إدريس=Idris, خالد=Khaled, طارق=Tarek, كريم=Karim, يوسف=Youssef",
        "بن علي=Ben Ali, الهاشمي=Hachemi, الشابي=Chebbi, منصور=Mansour, الطرابلسي=Trabelsi, زروق=Zarrouk"),
    _culture("de-CH", _ZURICH, "Änne, Brünhild, Greta, Jördis, Käthe, Lieselotte, Sörine, Ute",
        "Björn, Götz, Jürgen, Klaus, Lorenz, Rüdiger, Torsten, Übbo",
        "Bäcker, Fuß, Gößling, Großmann, Hübner, Jäggi, Krähenbühl, Löwe, Müller, Rüegg, Strauß, Weiß"),
    _culture("it-CH", _ZURICH, "Alessia, Chiara, Ginevra, Letizia, Niccolina, Ornella",
        "Bartolomeo, Fabrizio, Giosuè, Niccolò, Raffaele, Tommaso",
        "Bianchi, Cantù, D'Angelo, Forlì, Macrì, Nicolò, Scalzi, Viganò"),
    _culture("ta-IN", _ZURICH, "அருள்மொழி=Arulmozhi, கவிதா=Kavitha, செல்வி=Selvi, மீனா=Meena",
        "இளங்கோ=Ilango, கார்த்திக்=Karthik, முருகன்=Murugan, வேலன்=Velan",
        "சுப்பிரமணியன்=Subramanian, நடராஜன்=Natarajan, பாண்டியன்=Pandian, ராமசாமி=Ramasamy"),
    _culture("pl-PL", _KRAKOW, "Agnieszka, Bożena, Elżbieta, Grażyna, Jadwiga, Małgorzata, Śliwia, Żaneta",
        "Bogusław, Czesław, Łukasz, Michał, Paweł, Radosław, Sławomir, Zdzisław",
        "Błaszczyk, Dąbrowski|Dąbrowska, Gołąb, Jędrzejczak, Kościelny|Kościelna, Łącki|Łącka, Nowak, "
        "Piątek, Śliwiński|Śliwińska, Wójcik, Zając, Źrebiec"),
    _culture("cs-CZ", _KRAKOW, "Božena, Květa, Ludmila, Růžena, Šárka, Zdeňka",
        "Bořivoj, Jiří, Kryštof, Ondřej, Přemysl, Řehoř",
        "Černý|Černá, Dvořák|Dvořáková, Hořejší, Kříž|Křížová, Němec|Němcová, Řezníček|Řezníčková, Šťastný|Šťastná"),
    _culture("hu-HU", _KRAKOW, "Ágnes, Erzsébet, Gyöngyi, Ildikó, Tünde, Zsófia",
        "Ádám, Győző, István, Lőrinc, Ödön, Zoltán", "Balázs, Erdős, Fekete, Kővári, Szőke, Tóth, Vörös, Zsigmond",
        family_name_first=True),
    _culture("is-IS", _REYKJAVIK, "Ásdís, Auður, Björk, Eyþóra, Guðrún, Jórunn, Sólveig, Þórdís",
        "Ægir, Árni, Baldur, Gísli, Hörður, Sæmundur, Þorsteinn, Össur",
        "Árnason|Árnadóttir, Björnsson|Björnsdóttir, Davíðsson|Davíðsdóttir, Eyþórsson|Eyþórsdóttir, "
        "Guðmundsson|Guðmundsdóttir, Jónsson|Jónsdóttir, Sæmundsson|Sæmundsdóttir, Þórðarson|Þórðardóttir"),
    _culture("sv-SE", _GOTHENBURG, "Åsa, Birgitta, Gunnel, Ingegärd, Märta, Synnöve, Ulla-Britt",
        "Åke, Göran, Håkan, Jörgen, Märten, Östen, Sören",
        "Ångström, Bäckström, Ekelöf, Hägglund, Lindqvist, Öberg, Sjögren, Åkesson"),
    _culture("nb-NO", _GOTHENBURG, "Bjørg, Gyða, Kjersti, Maren, Øydis, Åshild",
        "Bjørn, Håvard, Kåre, Øyvind, Pål, Tørres", "Bø, Fjærland, Hæstad, Kjærstad, Lønning, Ødegård, Sørli, Åsen"),
    _culture("fi-FI", _GOTHENBURG, "Äijä, Hilkka, Päivi, Tyyne, Yrsa, Säde", "Jyrki, Kyösti, Mäki, Perttu, Väinö, Yrjö",
        "Hämäläinen, Kärkkäinen, Lämsä, Mäkelä, Pöysti, Ryynänen, Väyrynen, Yliö"),
    _culture("tr-TR", _ISTANBUL, "Ayşegül, Çiğdem, Gülşen, Işıl, İpek, Nazlı, Öykü, Şule",
        "Barış, Çağrı, Doğan, İbrahim, Işık, Ömer, Şükrü, Ümit",
        "Açıkgöz, Çelik, Dağlı, Güneş, Ilgaz, İnönü, Kılıç, Öztürk, Şahin, Ünlü, Yağız, Yıldırım"),
    _culture("ka-GE", _ISTANBUL, "ეკატერინე=Ekaterine, მარიამ=Mariam, ნინო=Nino, თამარ=Tamar",
        "გიორგი=Giorgi, დავით=Davit, ლევან=Levan, შოთა=Shota",
        "ბერიძე=Beridze, გელაშვილი=Gelashvili, კაპანაძე=Kapanadze, წერეთელი=Tsereteli"),
    _culture("el-GR", _ATHENS, "Άννα=Anna, Ελένη=Eleni, Ευγενία=Evgenia, Ζωή=Zoi, Κατερίνα=Katerina, Χριστίνα=Christina",
        "Αλέξανδρος=Alexandros, Γιώργος=Giorgos, Δημήτρης=Dimitris, Νίκος=Nikos, Σταύρος=Stavros, Ιάσονας=Iasonas",
        "Αγγελόπουλος=Angelopoulos|Αγγελοπούλου=Angelopoulou, Βασιλείου=Vasileiou, Γεωργίου=Georgiou, "
        "Καραμανλής=Karamanlis|Καραμανλή=Karamanli, Λάμπρος=Lambros|Λάμπρου=Lambrou, "
        "Παπαδόπουλος=Papadopoulos|Παπαδοπούλου=Papadopoulou, Ψαρράς=Psarras|Ψαρρά=Psarra"),
    _culture("uk-UA", _KYIV, "Ганна=Hanna, Євгенія=Yevheniia, Зоряна=Zoriana, Їванна=Yivanna, Олена=Olena, Юлія=Yuliia",
        "Андрій=Andrii, Богдан=Bohdan, Євген=Yevhen, Ігор=Ihor, Олексій=Oleksii, Тарас=Taras",
        "Бондаренко=Bondarenko, Ґудзь=Gudz, Коваленко=Kovalenko, Кравчук=Kravchuk, "
        "Лисенко=Lysenko, Щербак=Shcherbak, Шевченко=Shevchenko, Яремчук=Yaremchuk"),
    _culture("bg-BG", _ATHENS, "Десислава=Desislava, Елица=Elitsa, Йорданка=Yordanka, Цветана=Tsvetana",
        "Борис=Boris, Димитър=Dimitar, Калоян=Kaloyan, Щерьо=Shteryo",
        "Ангелов=Angelov|Ангелова=Angelova, Димитров=Dimitrov|Димитрова=Dimitrova, "
        "Петков=Petkov|Петкова=Petkova, Цанков=Tsankov|Цанкова=Tsankova"),
    _culture("hy-AM", _KYIV, "Անահիտ=Anahit, Գայանե=Gayane, Լուսինե=Lusine, Նարինե=Narine",
        "Արամ=Aram, Գևորգ=Gevorg, Հայկ=Hayk, Տիգրան=Tigran",
        "Գրիգորյան=Grigoryan, Հակոբյան=Hakobyan, Մարտիրոսյան=Martirosyan, Պետրոսյան=Petrosyan"),
    _culture("ar-EG", _CAIRO, "أسماء=Asmaa, دينا=Dina, رانيا=Rania, زينب=Zeinab, فاطمة=Fatma, هبة=Heba",
        "إبراهيم=Ibrahim, حسن=Hassan, سامح=Sameh, عمر=Omar, محمود=Mahmoud, مصطفى=Mostafa",
        "البنا=Elbanna, الشريف=Elsherif, حجازي=Hegazy, سليمان=Soliman, عبد الله=Abdallah, فوزي=Fawzy, النجار=Elnaggar"),
    _culture("he-IL", _MONTREAL, "אביגיל=Avigail, יעל=Yael, נועה=Noa, רבקה=Rivka, שירה=Shira, תמר=Tamar",
        "אורי=Uri, איתן=Eitan, דוד=David, יונתן=Yonatan, משה=Moshe, נועם=Noam",
        "אלון=Alon, בן-דוד=Ben-David, גולן=Golan, לוי=Levi, מזרחי=Mizrahi, שפירא=Shapira"),
    _culture("am-ET", _CAIRO, "ሰላም=Selam, አበባ=Abeba, ትዕግስት=Tigist, ሕይወት=Hiwot", "ዳዊት=Dawit, ተስፋዬ=Tesfaye, ኃይሌ=Haile, ዮናስ=Yonas",
        "በቀለ=Bekele, ከበደ=Kebede, ታደሰ=Tadesse, ወልዴ=Wolde"),
    _culture("hi-IN", _MUMBAI, "अनन्या=Ananya, ऋचा=Richa, काव्या=Kavya, दीपिका=Deepika, प्रिया=Priya, श्रेया=Shreya",
        "अर्जुन=Arjun, ईशान=Ishaan, कृष्ण=Krishna, राहुल=Rahul, विक्रम=Vikram, सिद्धार्थ=Siddharth",
        "अग्रवाल=Agrawal, कुलकर्णी=Kulkarni, गुप्ता=Gupta, जोशी=Joshi, देशपांडे=Deshpande, मिश्र=Mishra, शर्मा=Sharma"),
    _culture("bn-IN", _MUMBAI, "অনন্যা=Ananya, মধুমিতা=Madhumita, শর্মিষ্ঠা=Sharmistha, সুচিত্রা=Suchitra",
        "অভিজিৎ=Abhijit, দেবাশিস=Debashis, শুভঙ্কর=Shubhankar, সৌমিত্র=Soumitra",
        "চট্টোপাধ্যায়=Chattopadhyay, দাশগুপ্ত=Dasgupta, বন্দ্যোপাধ্যায়=Bandyopadhyay, সেন=Sen"),
    _culture("ja-JP", _TOKYO, "愛=Ai, 花子=Hanako, 美咲=Misaki, 桜=Sakura, さくら=Sakura, 陽菜=Hina, 結衣=Yui",
        "一郎=Ichiro, 健太=Kenta, 翔=Sho, 大輔=Daisuke, 拓海=Takumi, 蓮=Ren",
        "佐藤=Sato, 鈴木=Suzuki, 高橋=Takahashi, 渡邊=Watanabe, 小林=Kobayashi, 𠮷田=Yoshida, 髙田=Takada, 山本=Yamamoto",
        family_name_first=True),
    _culture("zh-CN", _TOKYO, "芳=Fang, 静=Jing, 丽=Li, 雪梅=Xuemei, 婷婷=Tingting, 晓燕=Xiaoyan",
        "伟=Wei, 强=Qiang, 建国=Jianguo, 明=Ming, 志远=Zhiyuan, 俊杰=Junjie",
        "王=Wang, 李=Li, 张=Zhang, 欧阳=Ouyang, 司马=Sima, 赵=Zhao, 周=Zhou, 吕=Lyu", family_name_first=True),
    _culture("ko-KR", _TOKYO, "서연=Seoyeon, 민지=Minji, 지우=Jiwoo, 하은=Haeun, 수빈=Subin",
        "민준=Minjun, 서준=Seojun, 지훈=Jihun, 현우=Hyunwoo, 도윤=Doyun",
        "김=Kim, 이=Lee, 박=Park, 최=Choi, 정=Jung, 남궁=Namgung, 황보=Hwangbo", family_name_first=True),
    _culture("vi-VN", _HANOI, "Ánh Nguyệt, Bích Thủy, Hồng Nhung, Kiều Oanh, Ngọc Diệp, Thị Hương",
        "Anh Dũng, Đức Thắng, Hữu Phước, Minh Quân, Quốc Việt, Văn Toản",
        "Bùi, Đặng, Đỗ, Huỳnh, Lê, Nguyễn, Phạm, Trần, Võ", family_name_first=True),
    _culture("th-TH", _HANOI, "กมลชนก=Kamonchanok, นภา=Napha, ปิยะดา=Piyada, พิมพ์ชนก=Phimchanok, สุดา=Suda",
        "กิตติ=Kitti, ชัยวัฒน์=Chaiwat, ธนากร=Thanakorn, ประเสริฐ=Prasert, สมชาย=Somchai",
        "แก้วมณี=Kaewmani, จันทร์เพ็ญ=Chanpen, ใจดี=Jaidee, ทองสุข=Thongsuk, ศรีสุวรรณ=Srisuwan, วงศ์ใหญ่=Wongyai"),
    _culture("fr-CA", _MONTREAL, "Anaïs, Béatrice, Élise, Geneviève, Maïté, Réjeanne",
        "André, Frédéric, Jérôme, Joël, Réal, Thaddée", "Bégin, Côté, Gagné, Lévesque, Ouellet, Thériault, Vézina"),
    _culture("en-CA", _MONTREAL, "Avery, Brooke, Harper, Juniper, Morgan, Skylar", "Blake, Carson, Emmett, Jasper, Owen, Wyatt",
        "Abernathy, Bennett, Delgado, Fraser, Maddox, Nakai, Stone, Van der Berg"),
    _culture("pt-BR", _SAO_PAULO, "Antônia, Conceição, Inês, Letícia, Patrícia, Thaís",
        "Antônio, Caetano, João, Luís, Sérgio, Tomé", "Araújo, Brandão, Conceição, Gonçalves, Magalhães, Simões, Viração"),
    _culture("es-AR", _SAO_PAULO, "Begoña, Inés, Lucía, Nélida, Rocío, Sofía", "Ángel, Íñigo, Joaquín, Martín, Óscar, Raúl",
        "Acuña, Córdoba, Güemes, Ibáñez, Muñoz, Núñez, Peña, Zúñiga"),
)  # fmt: skip
