"""Texts of five kinds to count tokens in, the same on every machine: our own sentences, code and tables, mixed.

Each text takes some of the material of one subject with figures drawn anew, so no two are alike.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

__all__ = ["KINDS", "texts"]

EACH = 44


def texts() -> dict[str, list[str]]:
    """Kind → texts of some 200 to 3,000 characters."""
    return {
        kind: [make(random.Random(f"{kind} {n}"), n) for n in range(EACH)] for kind, make in KINDS.items()
    }


def _some(r: random.Random, items: Sequence[str], least: int, most: int) -> list[str]:
    """So many items of a list, in another order, beginning anew where it ends."""
    order = sorted(items, key=lambda _: r.random())
    return [order[n % len(order)] for n in range(r.randrange(least, most + 1))]


# ------------------------------------------------------------------------------------------------ English

_ENGLISH: dict[str, tuple[str, ...]] = {
    "email": (
        "Hi {name}, thank you for the quick reply yesterday; I have passed it on to the rest of the team.",
        "Could you send me the final numbers before {day}? The board meets on the following morning.",
        "The invoice of {n} dollars was paid twice by mistake, so we would like to have {m} refunded.",
        "I'm afraid the train was cancelled again and I won't make it to the office before eleven.",
        "Please find attached the minutes, with {m} open points and the names of those who took them on.",
        "Let me know whether Thursday suits you better, otherwise we simply keep the original date.",
        "Kind regards,\n{name}\n\nP.S. Don't forget that the parking garage closes at {h}:30.",
    ),
    "review": (
        "I've owned this kettle for {m} months and it still boils a full litre in under three minutes.",
        "Terrible. The hinge broke after a week, and the seller answered with a copy-and-paste apology.",
        "The battery easily lasts two days, although the screen is a little dim outdoors.",
        "Would I buy it again? Probably, but only at a discount: {n} is too much for plastic.",
        "Lovely fabric, true to size, and the colour hasn't faded after {m} washes.",
        "Shipping took {m} days longer than promised; the parcel looked as if somebody had sat on it.",
        "My kids fight over who gets to use it, which is the best recommendation I can give.",
    ),
    "science": (
        "The samples were centrifuged at {n} rpm for {m} minutes and stored at minus eighty degrees.",
        "We find a significant effect of temperature on yield (p < 0.0{m}), though it explains little variance.",
        "Sedimentary layers of this age rarely preserve soft tissue, which makes the specimen exceptional.",
        "A randomised, double-blind trial with {n} participants was conducted in four hospitals.",
        "The hypothesis predicts that larger populations adapt faster, all other things being equal.",
        "Gravitational lensing magnified the background galaxy by a factor of roughly {m}.",
        "Further experiments are needed to distinguish between these competing explanations.",
        "Neurons in the hippocampus fire in sequences that correspond to previously visited locations.",
    ),
    "news": (
        "The city council voted {m} to four on {day} to rebuild the bridge that was closed last winter.",
        "Shares of the carmaker fell by {m}.5 percent after it lowered its forecast for the second time.",
        "Heavy rain caused flooding in several districts; {n} households were without electricity overnight.",
        "“We did everything we could,” said {name}, who has led the rescue service for twenty years.",
        "Unemployment declined slightly in the third quarter, while wages kept pace with inflation.",
        "The museum reopens next spring with an exhibition of {n} drawings, many never shown before.",
        "Negotiators left without an agreement, but both sides described the atmosphere as constructive.",
    ),
    "manual": (
        "Press and hold the power button for {m} seconds until the indicator blinks twice.",
        "Warning: disconnect the appliance from the mains before you remove the rear cover.",
        "To export a report, choose File > Export, select the format, and confirm with OK.",
        "The default timeout is {n} ms; set it to 0 to wait indefinitely.",
        "If the device is not recognised, install the driver from the support page and restart the computer.",
        "Tighten the four screws crosswise with a torque of {m} Nm and check them again after a week.",
        "Only authorised personnel may change the calibration, and every change must be recorded.",
    ),
    "story": (
        "Nobody had lived in the house since the old captain died, and the garden had swallowed the gate.",
        "She counted {m} steps, stopped, and listened; somewhere below, water was dripping on stone.",
        "“You're late,” he said without looking up from the chessboard, and moved his bishop anyway.",
        "By {day} the snow had reached the windowsills, and even the dog refused to go outside.",
        "They never spoke of the accident again, not even years later when the lake froze over.",
        "A letter arrived from {name}, so thin that it could only hold a single sheet, or a threat.",
    ),
}  # fmt: skip
_NAMES = ("Margaret", "Mr. Okafor", "Dr. Lindqvist", "Yuki", "Tom Baker", "Priya Raman", "Aisha", "Jean-Luc")
_DAYS = ("Monday", "Wednesday", "Friday", "March 3rd", "the 21st", "Sunday evening")


def _prose(
    r: random.Random, sentences: Sequence[str], names: Sequence[str], days: Sequence[str], joint: str
) -> str:
    def filled(sentence: str) -> str:
        large = r.randrange(100, 90_000)
        sentence = sentence.replace("{name}", r.choice(names)).replace("{day}", r.choice(days))
        sentence = sentence.replace("{n}", f"{large:,}" if r.random() < 0.5 else str(large))
        return sentence.replace("{m}", str(r.randrange(2, 60))).replace("{h}", str(r.randrange(7, 22)))

    said = [filled(sentence) for sentence in _some(r, sentences, 3, 22)]
    lines = [joint.join(said[at : at + 4]) for at in range(0, len(said), 4)]
    return r.choice(("\n", "\n\n")).join(lines)


def _english(r: random.Random, n: int) -> str:
    subjects = list(_ENGLISH.values())
    return _prose(r, subjects[n % len(subjects)], _NAMES, _DAYS, " ")


# ------------------------------------------------------------------------------------------------ Chinese

_CHINESE: dict[str, tuple[str, ...]] = {
    "评论": (
        "房间很干净，前台服务态度也不错，就是隔音差了一点，半夜能听见走廊里的说话声。",
        "这本书我前后读了{m}遍，每次都有新的收获，推荐给所有刚入门的朋友。",
        "物流太慢了，下单{m}天才到，包装还破了，客服只会说抱歉。",
        "性价比很高，{n}元能买到这样的质量已经很满意了，电池用两天没问题。",
        "味道一般般吧，价格倒是不便宜，服务员忙得顾不过来，下次不会再来了。",
        "衣服颜色和图片有色差，不过面料很舒服，洗了几次也没有变形。",
        "孩子特别喜欢，每天晚上都要玩一会儿才肯睡觉，五星好评！",
    ),
    "新闻": (
        "{day}，市政府召开新闻发布会，介绍今年前三季度经济运行情况。",
        "据统计，全市实现地区生产总值{n}亿元，同比增长百分之{m}。",
        "受强冷空气影响，北方大部分地区气温将下降八到十二摄氏度，并伴有六级左右大风。",
        "记者{name}从有关部门获悉，新建的地铁线路预计明年年底通车，全长{m}公里。",
        "专家表示，要进一步完善社会保障体系，扩大就业，稳定居民收入预期。",
        "双方就加强经贸往来、文化交流与科技合作深入交换了意见，并签署了{m}项协议。",
        "救援人员连夜转移群众{n}余人，目前没有人员伤亡报告。",
    ),
    "科技": (
        "大规模预训练语言模型通过自监督学习，从海量文本中获得了通用的语言理解能力。",
        "实验结果表明，本文提出的方法在三个公开数据集上的准确率平均提高了{m}.3个百分点。",
        "该芯片采用先进工艺，集成了{n}亿个晶体管，功耗却降低了三分之一。",
        "用户只需上传图片，系统就会自动识别其中的文字、表格和公式，并转换成结构化数据。",
        "为了减少显存占用，我们采用混合精度训练，并把批大小设为{m}。",
        "数据库的索引可以加快查询速度，但会占用额外的存储空间，写入时也更慢。",
        "请注意：模型的输出可能包含错误，使用之前应当由人工复核。",
    ),
    "办公": (
        "各位同事好，本周{day}下午三点在二楼会议室召开项目进度会，请准时参加。",
        "附件是修改后的合同草案，请法务部门审核，如有意见请在{m}号之前反馈。",
        "报销金额共计{n}元，其中交通费和住宿费需要补充发票。",
        "客户{name}反映系统登录缓慢，技术部已经定位原因，预计今晚完成修复。",
        "根据公司制度，员工请假三天以上须由部门经理批准，并提前报人力资源部备案。",
        "下一阶段的重点工作：一是完成需求确认，二是搭建测试环境，三是组织培训。",
    ),
    "故事": (
        "很久以前，山脚下住着一位老木匠，他的手艺远近闻名，却从来不收徒弟。",
        "那天夜里风很大，窗户被吹得哗哗作响，她抱着膝盖坐在灯下，一句话也没说。",
        "“你怎么现在才来？”{name}抬起头，眼睛红红的，像是刚刚哭过。",
        "河水漫过了石桥，村里的孩子们卷起裤腿，嘻嘻哈哈地去捉鱼。",
        "他翻开泛黄的日记，第一页只写着一行字：春天的时候，我一定回来。",
        "过了{m}年，镇上的人早已忘记了这件事，只有钟楼还记得。",
    ),
    "生活": (
        "把五花肉切成小块，冷水下锅焯水，捞出后用温水洗净备用。",
        "加入两勺生抽、一勺老抽和少许冰糖，小火慢炖{m}分钟即可。",
        "早上空腹测量血压最准确，测量前请安静休息五分钟，不要说话。",
        "从火车站乘坐{m}路公交车，在人民公园站下车，步行三百米就到了。",
        "周末天气晴朗，适合带孩子去郊外爬山，记得多带水和防晒霜。",
        "这套房子建筑面积{n}平方米，朝南，离学校很近，月租可以再商量。",
    ),
}  # fmt: skip
_ZH_NAMES = ("王建国", "李娜", "陈老师", "小明", "欧阳修远", "张总")
_ZH_DAYS = ("三月十二日", "周五", "昨天上午", "10月8日", "星期二")


def _chinese(r: random.Random, n: int) -> str:
    subjects = list(_CHINESE.values())
    return _prose(r, subjects[n % len(subjects)], _ZH_NAMES, _ZH_DAYS, "")


# --------------------------------------------------------------------------------------------------- code

_CODE = (
    '''def {f}_{g}({a}: list[float], *, limit: int = {n}) -> float | None:
    """Return the mean of the first `limit` values, or None when there are none."""
    if not {a}:
        return None
    kept = {a}[:limit]
    return sum(kept) / len(kept)
''',
    """@dataclass(frozen=True)
class {C}{D}:
    name: str
    {a}: int = {m}
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.{a} < 0:
            raise ValueError(f"{a} must not be negative, got {self.{a}}")
""",
    """import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("data/{f}_{g}.csv", parse_dates=["date"])
X_train, X_test, y_train, y_test = train_test_split(
    df.drop(columns=["{a}"]), df["{a}"], test_size=0.{m}, random_state=42
)
print(df.groupby("{b}")["{a}"].agg(["mean", "std", "count"]).sort_values("mean"))
""",
    """async function {f}{D}({a}, {{ retries = {m}, signal }} = {{}}) {{
  for (let attempt = 0; attempt < retries; attempt++) {{
    const response = await fetch(`/api/v1/{g}/${{{a}}}`, {{ signal }});
    if (response.ok) return response.json();
    await new Promise((resolve) => setTimeout(resolve, 2 ** attempt * {n}));
  }}
  throw new Error("Could not load {g}");
}}
""",
    """export const {C}{D} = ({{ items, on{C} }}: Props) => (
  <ul className="{f}-list">
    {{items.map((item) => (
      <li key={{item.id}} onClick={{() => on{C}(item)}}>
        {{item.label}}: {{item.{a}.toFixed(2)}}
      </li>
    ))}}
  </ul>
);
""",
    """SELECT c.{a}, COUNT(*) AS orders, SUM(o.amount) AS total
FROM {f}s AS o
JOIN customers AS c ON c.id = o.customer_id
WHERE o.created_at >= '20{m}-01-01' AND o.status <> 'cancelled'
GROUP BY c.{a}
HAVING SUM(o.amount) > {n}
ORDER BY total DESC
LIMIT {m};
""",
    """static int {f}_{g}(struct buffer *buf, const uint8_t *data, size_t len)
{{
    if (buf->used + len > buf->size) {{
        size_t size = buf->size * 2 + len;   /* grow by doubling */
        uint8_t *grown = realloc(buf->data, size);
        if (grown == NULL)
            return -ENOMEM;
        buf->data = grown;
        buf->size = size;
    }}
    memcpy(buf->data + buf->used, data, len);
    buf->used += len;
    return 0;
}}
""",
    """pub fn {f}_{g}(input: &str) -> Result<Vec<{C}>, ParseError> {{
    input
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.parse::<{C}>().map_err(|e| ParseError::new(line, e)))
        .collect()
}}
""",
    """#!/usr/bin/env bash
set -euo pipefail

for file in "$HOME"/{f}/*.{g}; do
    name=$(basename "$file" .{g})
    echo "processing ${{name}} ..."
    gzip -{m} --keep "$file" && mv "$file.gz" /var/backups/
done
""",
    """.{f}-{g} {{
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax({n}px, 1fr));
  padding: 0.5rem {m}px;
  color: var(--{a}-color, #1f2937);
}}

.{f}-{g}:hover > .{b} {{ background-color: rgba(0, 0, 0, 0.{m}); }}
""",
    """    for i in range(len({a})):
        # 跳过已经处理过的记录
        if {a}[i]["{b}"] in seen:
            continue
        seen.add({a}[i]["{b}"])
        total += {a}[i].get("price", 0) * {m}  # in cents
""",
)
_WORDS = (
    "load", "user", "order", "cache", "report", "widget", "parse", "token", "image", "queue", "index", "score",
    "config", "session", "record", "column", "values", "price", "region", "amount", "status", "country",
)  # fmt: skip


def _code(r: random.Random, n: int) -> str:
    parts = []
    for at in range(r.randrange(1, 6)):
        text = _CODE[(n + at * 3) % len(_CODE)]
        if "{{" in text:
            text = text.replace("{{", "\x01").replace("}}", "\x02")
        for slot in "fgab":
            text = text.replace(f"{{{slot}}}", r.choice(_WORDS))
        for slot in "CD":
            text = text.replace(f"{{{slot}}}", r.choice(_WORDS).title())
        text = text.replace("{n}", str(r.randrange(50, 5_000))).replace("{m}", str(r.randrange(2, 40)))
        parts.append(text.replace("\x01", "{").replace("\x02", "}"))
    return "\n".join(parts)


# ---------------------------------------------------------------------------------------------- CSV, JSON

_FIELDS: dict[str, Callable[[random.Random], object]] = {
    "id": lambda r: r.randrange(1, 99_999),
    "date": lambda r: f"20{r.randrange(10, 27)}-{r.randrange(1, 13):02d}-{r.randrange(1, 29):02d}",
    "timestamp": lambda r: f"2026-0{r.randrange(1, 10)}-1{r.randrange(10)}T{r.randrange(24):02d}:{r.randrange(60):02d}:07Z",
    "city": lambda r: r.choice(("Beijing", "New York", "São Paulo", "London", "Nairobi", "上海", "成都")),
    "name": lambda r: r.choice((*_NAMES, *_ZH_NAMES)),
    "email": lambda r: f"{r.choice(_WORDS)}.{r.randrange(100)}@example.com",
    "price": lambda r: round(r.random() * 1_000, 2),
    "temperature": lambda r: round(r.gauss(12, 9), 1),
    "ratio": lambda r: r.random(),
    "population": lambda r: r.randrange(1_000, 30_000_000),
    "active": lambda r: r.random() < 0.7,
    "status": lambda r: r.choice(("open", "closed", "in progress", "refunded", None)),
    "comment": lambda r: r.choice(r.choice(list(_ENGLISH.values()))).replace("{", "").replace("}", ""),
    "评价": lambda r: r.choice(_CHINESE["评论"]).replace("{", "").replace("}", ""),
    "类别": lambda r: r.choice(("电子产品", "图书", "食品", "服装", "家居用品")),
    "sku": lambda r: f"{r.choice('ABCDEF')}{r.choice('XYZ')}-{r.randrange(1_000, 9_999)}-{r.choice('abc')}",
}  # fmt: skip


def _rows(r: random.Random) -> list[dict[str, object]]:
    names = sorted(_FIELDS, key=lambda _: r.random())[: r.randrange(3, 9)]
    return [{name: _FIELDS[name](r) for name in names} for _ in range(r.randrange(6, 40))]


def _csv(r: random.Random, n: int) -> str:
    rows = _rows(r)
    separator = r.choice((",", ",", ",", ";", "\t"))

    def cell(value: object) -> str:
        text = "" if value is None else str(value)
        return f'"{text}"' if separator in text or '"' in text else text

    lines = [list(rows[0]), *([cell(value) for value in row.values()] for row in rows)]
    return "\n".join(separator.join(line) for line in lines) + "\n"


def _json(r: random.Random, n: int) -> str:
    rows: object = _rows(r)[: r.randrange(3, 20)]
    if n % 3 == 0:
        rows = {
            "total": r.randrange(10, 999),
            "page": 1,
            "items": rows,
            "meta": {"source": "api", "ok": True},
        }
    return json.dumps(rows, ensure_ascii=n % 11 == 10, indent=(None, 2, 4, None)[n % 4])


KINDS: dict[str, Callable[[random.Random, int], str]] = {
    "chinese": _chinese,
    "english": _english,
    "code": _code,
    "csv": _csv,
    "json": _json,
}
