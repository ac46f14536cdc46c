"""The little that the demo knows: a few words in five languages, capitals, and lists of things."""

from __future__ import annotations

__all__ = ["ALIASES", "CAPITALS", "LANGUAGES", "LEXICON", "LISTS"]

# language -> its column in LEXICON
LANGUAGES = {
    "english": 0, "英语": 0, "英文": 0, "chinese": 1, "中文": 1, "汉语": 1, "french": 2, "法语": 2, "法文": 2,
    "german": 3, "德语": 3, "德文": 3, "spanish": 4, "西班牙语": 4,
}  # fmt: skip

LEXICON = (
    ("good morning", "早上好", "bonjour", "guten Morgen", "buenos días"),
    ("good night", "晚安", "bonne nuit", "gute Nacht", "buenas noches"),
    ("thank you", "谢谢", "merci", "danke", "gracias"),
    ("how are you", "你好吗", "comment ça va", "wie geht es dir", "cómo estás"),
    ("hello", "你好", "bonjour", "hallo", "hola"),
    ("goodbye", "再见", "au revoir", "auf Wiedersehen", "adiós"),
    ("world", "世界", "monde", "Welt", "mundo"),
    ("please", "请", "s'il vous plaît", "bitte", "por favor"),
    ("yes", "是", "oui", "ja", "sí"),
    ("cat", "猫", "chat", "Katze", "gato"),
    ("dog", "狗", "chien", "Hund", "perro"),
    ("water", "水", "eau", "Wasser", "agua"),
    ("house", "房子", "maison", "Haus", "casa"),
    ("book", "书", "livre", "Buch", "libro"),
    ("friend", "朋友", "ami", "Freund", "amigo"),
    ("love", "爱", "amour", "Liebe", "amor"),
    ("teacher", "老师", "professeur", "Lehrer", "profesor"),
    ("student", "学生", "étudiant", "Student", "estudiante"),
    ("weather", "天气", "temps", "Wetter", "tiempo"),
    ("today", "今天", "aujourd'hui", "heute", "hoy"),
    ("apple", "苹果", "pomme", "Apfel", "manzana"),
)

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "China": "Beijing", "Japan": "Tokyo", "Italy": "Rome",
    "Spain": "Madrid", "India": "New Delhi", "Brazil": "Brasília", "Canada": "Ottawa", "Egypt": "Cairo",
    "Australia": "Canberra", "Norway": "Oslo", "Sweden": "Stockholm", "Kenya": "Nairobi", "Greece": "Athens",
    "Mexico": "Mexico City", "Argentina": "Buenos Aires", "South Korea": "Seoul", "Portugal": "Lisbon",
    "Poland": "Warsaw", "Turkey": "Ankara", "United Kingdom": "London", "England": "London",
    "USA": "Washington, D.C.", "United States": "Washington, D.C.",
    "中国": "北京", "法国": "巴黎", "日本": "东京", "德国": "柏林",
    "英国": "伦敦", "美国": "华盛顿", "意大利": "罗马",
}  # fmt: skip

LISTS = {
    "planet 行星": "Mercury,Venus,Earth,Mars,Jupiter,Saturn,Uranus,Neptune",
    "colour color 颜色": "red,orange,yellow,green,blue,indigo,violet,brown,black,white",
    "fruit 水果": "apple,banana,cherry,grape,kiwi,lemon,mango,orange,peach,pear",
    "animal 动物": "cat,dog,elephant,fox,giraffe,horse,lion,otter,panda,wolf",
    "city 城市": "Beijing,Berlin,Cairo,Lima,London,Nairobi,Paris,Rome,Sydney,Tokyo",
    "country 国家": "Brazil,Canada,China,Egypt,France,India,Italy,Japan,Kenya,Norway",
    "language 语言": "Arabic,Bengali,Chinese,English,French,German,Hindi,Japanese,Portuguese,Spanish",
    "season 季节": "spring,summer,autumn,winter",
    "continent 大洲": "Africa,Antarctica,Asia,Europe,North America,Oceania,South America",
    "month 月份": "January,February,March,April,May,June,July,August,September,October,November,December",
}

# A field's usual name -> what it is called in Chinese.
ALIASES = {
    "name": "名称 姓名 名字 品名 商品", "product": "产品 商品", "item": "商品 物品",
    "customer": "客户 顾客",
    "price": "价格 单价 售价", "quantity": "数量", "amount": "金额 数量",
    "total": "总价 合计 总计",
    "age": "年龄", "city": "城市", "country": "国家", "address": "地址", "date": "日期", "time": "时间",
    "phone": "电话 手机", "email": "邮箱 邮件", "company": "公司", "id": "编号 订单号 单号",
    "title": "标题",
    "author": "作者", "category": "类别 分类", "review": "评论 评价", "text": "文本 内容",
    "mood": "情绪 心情",
    "sentiment": "情感", "score": "评分 分数", "rating": "评分", "zip": "邮编", "year": "年份",
}  # fmt: skip
