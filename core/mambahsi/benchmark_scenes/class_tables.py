"""Classes of the benchmark scenes: label value, color, labeled pixels where known, and name.

Pixel counts come from the label maps themselves where these are at hand, else from others who
counted them; ``-`` where neither is so. Class names and their order differ in the literature for
some scenes (Pavia Centre, Kennedy Space Center); here they follow the label values of the files.
Colors are those that figures of the scene usually have, and for Pavia Centre, whose figures
disagree, and for Indian Pines colors of our own.
"""

from __future__ import annotations

from mambahsi.classes import ClassTable, LandCoverClass

Classes = tuple[ClassTable, dict[int, int]]
"""The classes, and the labeled pixels by label value where known."""


def _parse(text: str) -> Classes:
    """Classes and pixel counts from lines of value, color, count (``-``: unknown) and name."""
    table, pixels = [], {}
    for line in text.strip().splitlines():
        value, color, count, name = line.split(maxsplit=3)
        table.append(LandCoverClass(int(value), name, color, value))
        if count != "-":
            pixels[int(value)] = int(count)
    return ClassTable(tuple(table)), pixels


PAVIA_UNIVERSITY = _parse("""
1 #c0c0c0 6631 Asphalt
2 #00ff00 18649 Meadows
3 #00ffff 2099 Gravel
4 #008000 3064 Trees
5 #ff00ff 1345 Painted metal sheets
6 #a55229 5029 Bare soil
7 #800080 1330 Bitumen
8 #ff0000 3682 Self-blocking bricks
9 #ffff00 947 Shadows
""")

PAVIA_CENTRE = _parse("""
1 #2f7fd1 - Water
2 #14532d - Trees
3 #8c8c96 - Asphalt
4 #d62839 - Self-blocking bricks
5 #6b3fa0 - Bitumen
6 #f4a51c - Tiles
7 #1f2430 - Shadows
8 #8fd175 - Meadows
9 #8a4b2a - Bare soil
""")

SALINAS = _parse("""
1 #0000ff 2009 Broccoli green weeds 1
2 #ff6400 3726 Broccoli green weeds 2
3 #00ff86 1976 Fallow
4 #964696 1394 Fallow rough plow
5 #6496ff 2678 Fallow smooth
6 #3c5a72 3959 Stubble
7 #ffff7d 3579 Celery
8 #ff00ff 11271 Grapes untrained
9 #6400ff 6203 Soil vineyard develop
10 #01aaff 3278 Corn senesced green weeds
11 #00ff00 1068 Lettuce romaine 4wk
12 #afaf52 1927 Lettuce romaine 5wk
13 #64be38 916 Lettuce romaine 6wk
14 #8c432e 1070 Lettuce romaine 7wk
15 #73ffac 7268 Vineyard untrained
16 #ffff00 1807 Vineyard vertical trellis
""")

SALINAS_A = (
    ClassTable(tuple(c for c in SALINAS[0] if c.value in (1, 10, 11, 12, 13, 14))),
    dict[int, int](),
)

BOTSWANA = _parse("""
1 #0000fe 270 Water
2 #00ff00 101 Hippo grass
3 #ff00ff 251 Floodplain grasses 1
4 #208920 215 Floodplain grasses 2
5 #972fff 269 Reeds
6 #cd991d 269 Riparian
7 #fff68c 259 Firescar
8 #7c8383 203 Island interior
9 #22afa5 314 Acacia woodlands
10 #961780 248 Acacia shrublands
11 #d36b1a 305 Acacia grasslands
12 #00ffff 181 Short mopane
13 #fc0006 268 Mixed mopane
14 #ffff00 95 Exposed soils
""")

KSC = _parse("""
1 #8c432e 761 Scrub
2 #0000ff 243 Willow swamp
3 #ff6400 256 Cabbage palm hammock
4 #00ff7b 252 Cabbage palm/oak hammock
5 #a44b9b 161 Slash pine
6 #65aeff 229 Oak/broadleaf hammock
7 #76feac 105 Hardwood swamp
8 #3c5b70 431 Graminoid marsh
9 #ffff00 520 Spartina marsh
10 #65c13c 404 Cattail marsh
11 #ff00ff 419 Salt marsh
12 #6400ff 503 Mud flats
13 #00acfe 927 Water
""")

HOUSTON_2013 = _parse("""
1 #00cd00 1251 Healthy grass
2 #7fff00 1254 Stressed grass
3 #2e8b57 697 Synthetic grass
4 #008b00 1244 Trees
5 #a0522d 1242 Soil
6 #00ffff 325 Water
7 #ffffff 1268 Residential
8 #d8bfd8 1244 Commercial
9 #ff0000 1252 Road
10 #8b0000 1227 Highway
11 #000000 1235 Railway
12 #ffff00 1233 Parking lot 1
13 #ee9a00 469 Parking lot 2
14 #551a8b 428 Tennis court
15 #ff7f50 660 Running track
""")

WHU_HI_HANCHUAN = _parse("""
1 #b03060 - Strawberry
2 #00ffff - Cowpea
3 #ff00ff - Soybean
4 #a020f0 - Sorghum
5 #7fffd4 - Water spinach
6 #7fff00 - Watermelon
7 #00cd00 - Greens
8 #00ff00 - Trees
9 #008b00 - Grass
10 #ff0000 - Red roof
11 #d8bfd8 - Gray roof
12 #ff7f50 - Plastic
13 #a0522d - Bare soil
14 #ffffff - Road
15 #da70d6 - Bright object
16 #0000ff - Water
""")

WHU_HI_HONGHU = _parse("""
1 #ff0000 - Red roof
2 #ffffff - Road
3 #b03060 - Bare soil
4 #ffff00 - Cotton
5 #ff7f50 - Cotton firewood
6 #00ff00 - Rape
7 #00cd00 - Chinese cabbage
8 #008b00 - Pakchoi
9 #7fffd4 - Cabbage
10 #a020f0 - Tuber mustard
11 #d8bfd8 - Brassica parachinensis
12 #0000ff - Brassica chinensis
13 #00008b - Small Brassica chinensis
14 #da70d6 - Lactuca sativa
15 #a0522d - Celtuce
16 #00ffff - Film covered lettuce
17 #ffa500 - Romaine lettuce
18 #7fff00 - Carrot
19 #8b8b00 - White radish
20 #008b8b - Garlic sprout
21 #cdb5cd - Broad bean
22 #ee9a00 - Tree
""")

WHU_HI_LONGKOU = _parse("""
1 #ff0000 - Corn
2 #ee9a00 - Cotton
3 #ffff00 - Sesame
4 #00ff00 - Broad-leaf soybean
5 #00ffff - Narrow-leaf soybean
6 #008b8b - Rice
7 #0000ff - Water
8 #ffffff - Roads and houses
9 #a020f0 - Mixed weed
""")

INDIAN_PINES = _parse("""
1 #b8e04a 46 Alfalfa
2 #ffd23f 1428 Corn-notill
3 #f4a51c 830 Corn-mintill
4 #d9771a 237 Corn
5 #8fd175 483 Grass-pasture
6 #3fa34d 730 Grass-trees
7 #c9f0b0 28 Grass-pasture-mowed
8 #e8c98f 478 Hay-windrowed
9 #8a4b2a 20 Oats
10 #7fc8f8 972 Soybean-notill
11 #2f7fd1 2455 Soybean-mintill
12 #1f3f94 593 Soybean-clean
13 #e377c2 205 Wheat
14 #14532d 1265 Woods
15 #d62839 386 Buildings-Grass-Trees-Drives
16 #6b6b76 93 Stone-Steel-Towers
""")
