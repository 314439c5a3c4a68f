<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en_US">
 <context>
  <name>MambaHSI</name>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Assess accuracy</source>
   <translation>精度评价</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Compares a land-cover map with reference polygons, points or a raster.</source>
   <translation>将土地覆盖图与参考多边形、点或栅格进行比较。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>&lt;p&gt;Compares a land-cover map with a reference: polygons, points or a raster of class values. Gives the confusion matrix, overall and average accuracy, kappa, and for each class producer's and user's accuracy, F1 and IoU.&lt;/p&gt;&lt;p&gt;A reference that the model was trained on tells nothing about its accuracy.&lt;/p&gt;&lt;p&gt;Points that were drawn at random, such as those of &lt;i&gt;Design sample&lt;/i&gt;, tell more: accuracy by area and the area of every class, with standard errors and 95 % intervals (Olofsson et al. 2014; for samples drawn from another map Stehman 2014). Polygons are no random sample, so nothing can be said of the whole map.&lt;/p&gt;</source>
   <translation>&lt;p&gt;将土地覆盖图与参考数据（多边形、点或类别值栅格）进行比较，给出混淆矩阵、总体精度、平均精度和 Kappa，以及每个类别的生产者精度（制图精度）、用户精度、F1 和 IoU。&lt;/p&gt;&lt;p&gt;用于训练模型的参考数据不能说明模型的精度。&lt;/p&gt;&lt;p&gt;随机抽取的点（例如由&lt;i&gt;设计样本&lt;/i&gt;得到的点）能说明更多：按面积计算的精度和每个类别的面积，并附标准误差和 95 % 置信区间（Olofsson 等，2014；若样本取自另一幅图，则采用 Stehman，2014）。多边形不是随机样本，因此不能用来推断整幅图。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <location filename="../../mambahsi_qgis/algorithms/maps.py" />
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Land-cover map</source>
   <translation>土地覆盖图</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Raster of class values, such as the result of a classification.</source>
   <translation>类别值栅格，例如分类结果。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Reference polygons or points</source>
   <translation>参考多边形或参考点</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Areas whose land cover is known. Give these or a reference raster.</source>
   <translation>土地覆盖类型已知的区域。请给出这些区域或一个参考栅格。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <location filename="../../mambahsi_qgis/algorithms/labeled.py" />
   <source>Class field</source>
   <translation>类别字段</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Field of the reference polygons that tells the class: its value or its name.</source>
   <translation>参考多边形中表示类别的字段：类别的值或名称。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Reference raster</source>
   <translation>参考栅格</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Raster of class values on the same grid as the map.</source>
   <translation>与该图格网相同的类别值栅格。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Sampling design of the points</source>
   <translation>点的抽样设计</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>How the reference points were chosen. auto: a sample that Design sample drew is recognized, anything else is not taken for random; none: not at random; simple: at random from the whole map; stratified: at random from each class of the map.</source>
   <translation>参考点是如何选取的。auto：能识别“设计样本”抽取的样本，其余一律不视为随机样本；none：非随机；simple：在整幅图中随机抽取；stratified：在图的每个类别中随机抽取。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <location filename="../../mambahsi_qgis/algorithms/samples.py" />
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Report</source>
   <translation>报告</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <location filename="../../mambahsi_qgis/algorithms/samples.py" />
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>HTML files (*.html)</source>
   <translation>HTML 文件 (*.html)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>All figures and the confusion matrix, in one HTML file.</source>
   <translation>所有指标和混淆矩阵，写入一个 HTML 文件。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Figures</source>
   <translation>精度指标</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>JSON files (*.json)</source>
   <translation>JSON 文件 (*.json)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>All figures and the confusion matrix, for programs.</source>
   <translation>所有指标和混淆矩阵，供程序使用。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Areas</source>
   <translation>面积</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <location filename="../../mambahsi_qgis/algorithms/samples.py" />
   <source>CSV files (*.csv)</source>
   <translation>CSV 文件 (*.csv)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Class areas and accuracy by area, for spreadsheets. Needs a random sample.</source>
   <translation>类别面积和按面积计算的精度，供电子表格使用。需要随机样本。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Overall accuracy by area</source>
   <translation>按面积计算的总体精度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Standard error of it</source>
   <translation>其标准误差</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Give one reference: either polygons or points, or a raster.</source>
   <translation>请给出一种参考数据：多边形或点，或者一个栅格。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/assessaccuracy.py" />
   <source>Choose the class field of the reference.</source>
   <translation>请选择参考数据的类别字段。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/base.py" />
   <source>Parameters</source>
   <translation>参数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/base.py" />
   <source>Overall accuracy</source>
   <translation>总体精度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/base.py" />
   <source>Average accuracy</source>
   <translation>平均精度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/base.py" />
   <source>Kappa</source>
   <translation>Kappa</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>{}: “{}” is not known. Known: {}.</source>
   <translation>{}：未知的“{}”。可用的有：{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>a number</source>
   <translation>数值</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>a whole number</source>
   <translation>整数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>from {:,.10g} to {:,.10g}</source>
   <translation>{:,.10g} 到 {:,.10g}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>of at least {:,.10g}</source>
   <translation>不小于 {:,.10g}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>{}: “{}” is not {} {}.</source>
   <translation>{0}：“{1}”无效，应为 {3} 的{2}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>{}: {} cannot be read. It may be corrupt, truncated, or of a format that QGIS does not know.</source>
   <translation>{}：无法读取 {}。文件可能已损坏、不完整，或者是 QGIS 不支持的格式。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>Scene “{}” has {} columns and {} rows; at least {} of each are needed.</source>
   <translation>影像“{}”有 {} 列、{} 行；行数和列数都至少需要 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>Layer “{}” holds neither polygons nor points.</source>
   <translation>图层“{}”中既没有多边形也没有点。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>Layer “{}” has no field “{}”. Its fields are: {}.</source>
   <translation>图层“{}”没有字段“{}”。它的字段有：{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>Layer “{}” has no feature to use. If “Selected features only” is checked, select some.</source>
   <translation>图层“{}”没有可用的要素。如果勾选了“仅选中的要素”，请先选中一些要素。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>Field “{}” of “{}” holds no class.</source>
   <translation>“{1}”的字段“{0}”中没有类别。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>Field “{}” of “{}” holds one class only (“{}”); at least two are needed.</source>
   <translation>“{1}”的字段“{0}”只含一个类别（“{2}”）；至少需要两个类别。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>“{}” lies wholly outside of “{}”. Check the CRS of both.</source>
   <translation>“{}”完全位于“{}”之外。请检查两者的坐标参照系。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>{}: {} is not a GeoTIFF, the only format written. Name it .tif.</source>
   <translation>{}：{} 不是 GeoTIFF，而只能写出这种格式。请以 .tif 命名。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>{}: folder {} does not exist.</source>
   <translation>{}：文件夹 {} 不存在。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>{}: {} is a folder; name a file.</source>
   <translation>{}：{} 是一个文件夹；请指定一个文件。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>{}: folder {} cannot be written to.</source>
   <translation>{}：无法写入文件夹 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/checks.py" />
   <source>{}: {} is the file of {} too. Choose another one.</source>
   <translation>{}：{} 同时也是“{}”的文件。请另选一个。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classifyscene.py" />
   <source>Classify scene</source>
   <translation>影像分类</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classifyscene.py" />
   <source>Makes a land-cover map of a scene with a trained MambaHSI model.</source>
   <translation>用训练好的 MambaHSI 模型由影像制作土地覆盖图。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classifyscene.py" />
   <source>&lt;p&gt;Makes a land-cover map of a whole scene with a trained model.&lt;/p&gt;&lt;p&gt;The scene's bands must be those that the model was trained on; where both know their wavelengths, bands are matched by wavelength.&lt;/p&gt;</source>
   <translation>&lt;p&gt;用训练好的模型制作整幅影像的土地覆盖图。&lt;/p&gt;&lt;p&gt;影像的波段必须与训练模型时的波段一致；若两者都有波长信息，则按波长匹配波段。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classifyscene.py" />
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <location filename="../../mambahsi_qgis/algorithms/labeled.py" />
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Scene</source>
   <translation>影像</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classifyscene.py" />
   <source>Raster with the bands that the model was trained on. Nodata stays nodata.</source>
   <translation>具有训练模型时所用波段的栅格。无数据像元仍为无数据。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classifyscene.py" />
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Model</source>
   <translation>模型</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classifyscene.py" />
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>MambaHSI model (*.safetensors);;All files (*)</source>
   <translation>MambaHSI 模型 (*.safetensors);;所有文件 (*)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classifyscene.py" />
   <source>Model file that the training wrote.</source>
   <translation>训练时写出的模型文件。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classifyscene.py" />
   <source>Model file {} does not exist.</source>
   <translation>模型文件 {} 不存在。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classseparability.py" />
   <source>Principal components</source>
   <translation>主成分</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classseparability.py" />
   <source>What classes are compared in where there are more bands. 0 takes all bands, in which nearly all classes look apart.</source>
   <translation>波段多于此数时，在这么多个主成分中比较类别。0 表示使用全部波段，此时几乎所有类别看起来都可分。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classseparability.py" />
   <source>Class separability</source>
   <translation>类别可分性</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classseparability.py" />
   <source>Jeffries-Matusita distances between all classes, the worst pairs named.</source>
   <translation>所有类别之间的 Jeffries-Matusita 距离，并指出最难区分的类别对。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classseparability.py" />
   <source>&lt;p&gt;Computes the Jeffries-Matusita distance between all pairs of classes from their labeled pixels: 0 where two classes are alike, 2 where they are apart. Below 1 they are hardly separable, from 1.9 on well separable.&lt;/p&gt;&lt;p&gt;Where there are many bands, classes are compared in the principal components of their samples. Few samples look separable whatever they are: so the distance that as many samples of classes without a difference have is told beside each, and pairs are judged by what is found beyond it. Where samples are few, covariances are shrunk (Ledoit and Wolf 2004).&lt;/p&gt;</source>
   <translation>&lt;p&gt;由标注像元计算所有类别对之间的 Jeffries-Matusita 距离：0 表示两个类别相同，2 表示完全可分。低于 1 时几乎不可分，1.9 以上时可分性良好。&lt;/p&gt;&lt;p&gt;波段较多时，在样本的主成分空间中比较各类别。样本很少时，任何类别看起来都可分：因此会在每个距离旁给出无差异类别在同样样本数下的距离，并按超出该值的部分来判断类别对。样本很少时，对协方差进行收缩估计（Ledoit 和 Wolf，2004）。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classseparability.py" />
   <source>Warnings, worst pairs, matrix and formulas with their sources, in one HTML file.</source>
   <translation>警告、最难区分的类别对、矩阵以及公式及其出处，写入一个 HTML 文件。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classseparability.py" />
   <source>One row for each pair of classes, the least separable first.</source>
   <translation>每个类别对一行，可分性最差的在前。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/classseparability.py" />
   <source>Smallest distance of two classes</source>
   <translation>两个类别间的最小距离</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>Create training layer</source>
   <translation>创建训练图层</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>Makes an empty polygon layer with classes, colors and a form to draw samples in.</source>
   <translation>创建带有类别、颜色和表单的空多边形图层，用于绘制样本。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>&lt;p&gt;Makes a GeoPackage for training polygons in the scene's CRS, with the fields class_id, class_name and color. Its style, which is in the file, draws each class in its color, and its form offers the classes by name; name and color follow from the class. The dock &lt;i&gt;MambaHSI training&lt;/i&gt; does the same, and more.&lt;/p&gt;</source>
   <translation>&lt;p&gt;创建一个用于训练多边形的 GeoPackage，采用影像的坐标参照系，含有字段 class_id、class_name 和 color。样式保存在文件中，以各类别的颜色绘制多边形；表单按名称列出类别，名称和颜色随类别自动填写。停靠面板 &lt;i&gt;MambaHSI 训练&lt;/i&gt;也能完成此事，且功能更多。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>The raster that polygons will be drawn on; the layer gets its CRS.</source>
   <translation>将在其上绘制多边形的栅格；图层采用它的坐标参照系。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>List of classes</source>
   <translation>类别列表</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>Lists of classes (*.csv *.qml)</source>
   <translation>类别列表 (*.csv *.qml)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>CSV with the columns class_id, class_name and color, or a QML, such as the one beside a land-cover map.</source>
   <translation>含有 class_id、class_name 和 color 列的 CSV，或 QML，例如土地覆盖图旁边的那个。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>Or names of classes</source>
   <translation>或类别名称</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>Separated by commas, semicolons or lines; numbered from 1, in default colors.</source>
   <translation>以逗号、分号或换行分隔；从 1 开始编号，采用默认颜色。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Training layer</source>
   <translation>训练图层</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>GeoPackage of polygons, empty as yet.</source>
   <translation>多边形 GeoPackage，暂时为空。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>Number of classes</source>
   <translation>类别数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>Training layer (LABELS): {} is not a GeoPackage. Name it .gpkg.</source>
   <translation>训练图层 (LABELS)：{} 不是 GeoPackage。请以 .gpkg 命名。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/createtraininglayer.py" />
   <source>Give a list of classes (CLASS_LIST) or names (CLASS_NAMES), not both.</source>
   <translation>请给出类别列表 (CLASS_LIST) 或名称 (CLASS_NAMES) 之一，不要同时给出。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>Engine information</source>
   <translation>引擎信息</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>Tells which engine is used, what it can do, or what is missing.</source>
   <translation>说明使用的是哪个引擎、它能做什么，或者缺少什么。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>&lt;p&gt;Tells which engine is used, its version, the devices that it can compute on, and the implementations of the selective scan that work there. Where no engine is set up, it tells what is missing.&lt;/p&gt;</source>
   <translation>&lt;p&gt;说明使用的是哪个引擎、其版本、可用于计算的设备，以及在其上可用的选择性扫描实现。如果没有设置引擎，则说明缺少什么。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>Model to describe</source>
   <translation>要描述的模型</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>A model file: its classes, bands, training and accuracy are told, too.</source>
   <translation>模型文件：还会说明它的类别、波段、训练和精度。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Python of the engine</source>
   <translation>引擎的 Python</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>Version of the engine</source>
   <translation>引擎的版本</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>Devices</source>
   <translation>设备</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>Selective scans</source>
   <translation>选择性扫描</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>What is missing</source>
   <translation>缺少什么</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <source>Everything that the engine tells, as JSON</source>
   <translation>引擎给出的全部信息，JSON 格式</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/engineinfo.py" />
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Engine: {} ({})</source>
   <translation>引擎：{} ({})</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Export land cover</source>
   <translation>导出土地覆盖</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Turns a land-cover map into styled polygons, with the area of every class.</source>
   <translation>将土地覆盖图转换为带样式的多边形，并给出每个类别的面积。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>&lt;p&gt;Turns a land-cover map into polygons with class names, colors and areas. Regions below a minimum mapping unit are given to their largest neighbor, the smallest first, until none is left but those that nodata surrounds; nodata itself never changes.&lt;/p&gt;&lt;p&gt;Areas are hectares on the ellipsoid of the map's CRS, whatever its projection. They are what the map shows, mistakes included; for areas of classes with confidence intervals, see &lt;i&gt;Design sample&lt;/i&gt;.&lt;/p&gt;</source>
   <translation>&lt;p&gt;将土地覆盖图转换为带有类别名称、颜色和面积的多边形。小于最小制图单元的区域归入其最大的相邻区域，从最小的开始，直到除了被无数据包围的以外不再剩下；无数据本身始终不变。&lt;/p&gt;&lt;p&gt;无论采用何种投影，面积都是在图的坐标参照系的椭球面上计算的公顷数。它们反映的是图上显示的结果，包括其中的错误；如需带置信区间的类别面积，请参见&lt;i&gt;设计样本&lt;/i&gt;。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Raster of one band with class values; 0 and nodata are no class. Names and colors come from a map that was made here; of others, colors from their palette.</source>
   <translation>单波段类别值栅格；0 和无数据不是类别。名称和颜色取自在此制作的图；其他图的颜色取自其调色板。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Minimum mapping unit</source>
   <translation>最小制图单元</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Smaller regions are given to their neighbors; 0 leaves the map as it is.</source>
   <translation>更小的区域归入其相邻区域；0 表示保持原图不变。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Unit of it</source>
   <translation>其单位</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Pixels, or hectares on the ellipsoid, which needs a CRS.</source>
   <translation>像元，或者椭球面上的公顷，后者需要坐标参照系。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Connectivity</source>
   <translation>连通性</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>4: pixels of a class are one region across edges; 8: across corners, too.</source>
   <translation>4：同一类别的像元通过边相连时为一个区域；8：通过角相连时也算。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Dissolve by class</source>
   <translation>按类别融合</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>One feature for each class, instead of one for each region.</source>
   <translation>每个类别一个要素，而不是每个区域一个要素。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Land-cover polygons</source>
   <translation>土地覆盖多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>GeoPackage with class, name, color, pixels and hectares of every feature, and with its style inside.</source>
   <translation>GeoPackage，含每个要素的类别、名称、颜色、像元数和公顷数，样式也保存在其中。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Polygons, pixels, share and hectares of every class, with and without the minimum mapping unit, for spreadsheets.</source>
   <translation>每个类别的多边形数、像元数、比例和公顷数，分别按应用和不应用最小制图单元统计，供电子表格使用。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Sieved map</source>
   <translation>筛除小斑块后的图</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>GeoTIFF of the map as the polygons show it, with the same classes.</source>
   <translation>与多边形所示一致的图的 GeoTIFF，类别相同。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Number of features</source>
   <translation>要素数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Pixels that changed their class</source>
   <translation>类别发生变化的像元数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/exportlandcover.py" />
   <source>Land-cover polygons (POLYGONS): {} is not a GeoPackage. Name it .gpkg.</source>
   <translation>土地覆盖多边形 (POLYGONS)：{} 不是 GeoPackage。请以 .gpkg 命名。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Import benchmark scene</source>
   <translation>导入基准影像</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Opens a hyperspectral benchmark scene of the literature with its ground truth.</source>
   <translation>打开文献中的高光谱基准影像及其地面真值。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>&lt;p&gt;Turns the files of a hyperspectral benchmark scene into layers to work with: a GeoTIFF of the scene, polygons to train on, and a raster of the ground truth, with class names and colors. The scenes are Pavia University and Centre, Salinas, Salinas-A, Botswana, Kennedy Space Center, Houston 2013, WHU-Hi HanChuan, HongHu and LongKou, and Indian Pines.&lt;/p&gt;&lt;p&gt;The files have to be there already; they may be of MATLAB (.mat, any version), NumPy (.npy), ENVI or GeoTIFF. Which scene it is, and where cube and ground truth are, is found from sizes and names.&lt;/p&gt;&lt;p&gt;Most of these files hold no position. Such a scene is put down near the place where it was flown, possibly kilometers off, and its metadata says so.&lt;/p&gt;</source>
   <translation>&lt;p&gt;将高光谱基准影像的文件转换为可用的图层：影像的 GeoTIFF、用于训练的多边形，以及带有类别名称和颜色的地面真值栅格。支持的影像有 Pavia University 和 Pavia Centre、Salinas、Salinas-A、Botswana、Kennedy Space Center、Houston 2013、WHU-Hi HanChuan、HongHu 和 LongKou，以及 Indian Pines。&lt;/p&gt;&lt;p&gt;文件必须已在本机；格式可以是 MATLAB（.mat，任意版本）、NumPy (.npy)、ENVI 或 GeoTIFF。是哪一幅影像、数据立方体和地面真值在哪里，由大小和名称判断。&lt;/p&gt;&lt;p&gt;这些文件大多没有位置信息。此类影像会放置在其飞行地点附近，可能相差数公里，其元数据中对此有说明。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>File of the scene</source>
   <translation>影像文件</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>File with the cube, such as PaviaU.mat. The ground truth beside it is found by itself. A folder that holds both may be named, too.</source>
   <translation>数据立方体文件，例如 PaviaU.mat。旁边的地面真值会自动找到。也可以指定同时含有两者的文件夹。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Ground truth</source>
   <translation>地面真值</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>File with the label map, where it is not found beside the cube.</source>
   <translation>标签图文件，用于在数据立方体旁边找不到它时。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Test part</source>
   <translation>测试部分</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>File with the test pixels, where the labels are two maps, as those of Houston 2013. The ground truth above is the training part then, and a field of the polygons keeps the split.</source>
   <translation>测试像元文件，用于标签分为两幅图的情形，如 Houston 2013。此时上面的地面真值为训练部分，多边形的一个字段保存这一划分。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Benchmark scene</source>
   <translation>基准影像</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Which scene it is. “recognize” finds out; name it where that fails, for example because bands are missing.</source>
   <translation>是哪一幅影像。“recognize”自动识别；如果识别失败（例如缺少波段），请指定名称。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Variable of the cube</source>
   <translation>数据立方体的变量</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Variable of the ground truth</source>
   <translation>地面真值的变量</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Its name in a MATLAB file, where several arrays there would fit.</source>
   <translation>它在 MATLAB 文件中的名称，用于其中有多个数组符合的情形。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>GeoTIFF of the cube, every value unchanged.</source>
   <translation>数据立方体的 GeoTIFF，所有值保持不变。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Training polygons</source>
   <translation>训练多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>GeoPackage of the labeled areas with the fields class_id, class_name and color. By pixel centers they are exactly the ground truth.</source>
   <translation>标注区域的 GeoPackage，含有字段 class_id、class_name 和 color。按像元中心判断，它们与地面真值完全一致。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Ground truth raster</source>
   <translation>地面真值栅格</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>GeoTIFF of class values with names and colors; 0 is unlabeled.</source>
   <translation>带有名称和颜色的类别值 GeoTIFF；0 为未标注。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>Recognized scene</source>
   <translation>识别出的影像</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>{}: {} does not exist.</source>
   <translation>{}：{} 不存在。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>{}: {} is no file of a GeoPackage, the only format written.</source>
   <translation>{}：{} 不是 GeoPackage 文件，而只能写出这种格式。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/importbenchmark.py" />
   <source>MATLAB, NumPy, ENVI, GeoTIFF (*.mat *.npy *.hdr *.tif *.tiff *.txt);;All files (*)</source>
   <translation>MATLAB、NumPy、ENVI、GeoTIFF (*.mat *.npy *.hdr *.tif *.tiff *.txt);;所有文件 (*)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Install the engine</source>
   <translation>安装引擎</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Installs PyTorch and its companions into a folder of their own, or removes it.</source>
   <translation>将 PyTorch 及其所需的软件包安装到单独的文件夹中，或将其移除。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>&lt;p&gt;The networks run in PyTorch, which QGIS does not bring. This installs it, with all that it needs, into a folder of its own: {}. QGIS's own Python is not touched. Every package comes in the version that the plugin was tested with.&lt;/p&gt;&lt;p&gt;It takes some minutes. What is interrupted can be started again; what was downloaded is kept. QGIS's proxy and certificates are used.&lt;/p&gt;</source>
   <translation>&lt;p&gt;网络在 PyTorch 中运行，而 QGIS 不附带 PyTorch。本算法将它及其所需的一切安装到单独的文件夹中：{}。QGIS 自身的 Python 不受影响。每个软件包都采用插件测试时所用的版本。&lt;/p&gt;&lt;p&gt;这需要几分钟。中断后可以重新开始；已下载的内容会保留。使用 QGIS 的代理和证书设置。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Yes, download and install it</source>
   <translation>是，下载并安装</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Nothing is installed without it. Without it, the algorithm tells what would be installed, how large it is, and where.</source>
   <translation>不勾选则不会安装任何内容。此时，算法会说明将要安装什么、有多大以及安装到哪里。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Build of PyTorch</source>
   <translation>PyTorch 构建版本</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>auto takes the one for CUDA where the driver of an NVIDIA graphics card is new enough, else the one for the processor, which is much smaller.</source>
   <translation>auto：NVIDIA 显卡的驱动足够新时使用 CUDA 版本，否则使用小得多的处理器版本。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Build the kernels of mamba-ssm, too</source>
   <translation>同时构建 mamba-ssm 的内核</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>An extra for graphics cards, which takes long. It needs Linux, the build for CUDA, CUDA 13's compiler nvcc and a C++ compiler; what is missing is told. The engine works without them, also where their build fails.</source>
   <translation>用于显卡的可选项，耗时较长。需要 Linux、CUDA 构建版本、CUDA 13 的编译器 nvcc 和 C++ 编译器；缺少什么会给出说明。没有这些内核，或者构建失败，引擎同样可以工作。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Folder of wheels</source>
   <translation>wheel 文件夹</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Installs from this folder without any network.</source>
   <translation>从该文件夹安装，完全不使用网络。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Python to make it from</source>
   <translation>用于创建引擎的 Python</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>A Python 3.10 to 3.13 of your own. Empty takes a suitable one of this computer; it stays as it is.</source>
   <translation>您自己的 Python 3.10 至 3.13。留空则使用本机上可用的一个；它不会被更改。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Package index</source>
   <translation>软件包索引</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Address of a package index that replaces pip's own, for example a company's, without user and password: pip finds those in the file .netrc.</source>
   <translation>代替 pip 自带索引的软件包索引地址，例如公司内部的索引；不要包含用户名和密码：pip 会从 .netrc 文件中读取它们。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>What to do</source>
   <translation>操作</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>install: make the engine. clean: remove engines of older versions of the plugin, and remains. uninstall: remove all engines that the plugin installed. The last two need a Yes, too, and tell how much room they would free without it.</source>
   <translation>install：创建引擎。clean：移除插件旧版本的引擎和残留。uninstall：移除插件安装的所有引擎。后两者同样需要勾选“是”，不勾选时说明能释放多少空间。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Folder of the engine</source>
   <translation>引擎的文件夹</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Bytes on the disk, or freed</source>
   <translation>占用或释放的磁盘字节数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>{} Nothing was installed. If you agree, run it again with Yes (AGREE).</source>
   <translation>{} 未安装任何内容。如果同意，请勾选“是”(AGREE) 后再次运行。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>The engine in {} is not whole.</source>
   <translation>{} 中的引擎不完整。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>The engine is installed: {}</source>
   <translation>引擎已安装：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>There is nothing to remove in {}.</source>
   <translation>{} 中没有可移除的内容。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>{size:.2f} GB in {folder} would be removed. Nothing was removed. If you agree, run it again with Yes (AGREE).</source>
   <translation>将移除 {folder} 中的 {size:.2f} GB。未移除任何内容。如果同意，请勾选“是”(AGREE) 后再次运行。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>{:.2f} GB freed.</source>
   <translation>已释放 {:.2f} GB。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>No Python was found that the engine can be made from.</source>
   <translation>没有找到可用来创建引擎的 Python。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Install Python 3.10 to 3.13 (64-bit), or name one under “Python to make it from”.</source>
   <translation>请安装 Python 3.10 至 3.13（64 位），或者在“用于创建引擎的 Python”中指定一个。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>The engine takes {installed:.1f} GB in {folder}, after a download of {download:.1f} GB; while it is being installed {needed:.1f} GB are needed, {free:.1f} GB are free. Build of PyTorch: {variant} ({reason}). Python: {python}.</source>
   <translation>引擎将在 {folder} 中占用 {installed:.1f} GB，需要下载 {download:.1f} GB；安装过程中需要 {needed:.1f} GB，现有可用空间 {free:.1f} GB。PyTorch 构建版本：{variant}（{reason}）。Python：{python}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>Kernels of mamba-ssm: {}.</source>
   <translation>mamba-ssm 的内核：{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/installengine.py" />
   <source>suitable</source>
   <translation>可用</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/labeled.py" />
   <source>Raster with the measured bands: anything that GDAL opens. Nodata pixels are left out; bands without information are dropped.</source>
   <translation>含有实测波段的栅格：GDAL 能打开的任何格式。忽略无数据像元；舍弃不含信息的波段。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/labeled.py" />
   <source>Labeled polygons or points</source>
   <translation>标注的多边形或点</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/labeled.py" />
   <source>Areas whose land cover is known. Any layer will do, in any CRS, and so will the selected features of one. A pixel belongs to a polygon when its center does.</source>
   <translation>土地覆盖类型已知的区域。任何图层、任何坐标参照系均可，也可以只用图层中选中的要素。像元中心落在多边形内时，该像元属于此多边形。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/labeled.py" />
   <source>Field of whole numbers or text that tells the class.</source>
   <translation>表示类别的整数或文本字段。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/labeled.py" />
   <source>Class name field</source>
   <translation>类别名称字段</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/labeled.py" />
   <source>Field with the classes' names.</source>
   <translation>含有类别名称的字段。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/labeled.py" />
   <source>Class color field</source>
   <translation>类别颜色字段</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/labeled.py" />
   <source>Field with the classes' colors, such as #1a6b3c; else colors are chosen.</source>
   <translation>含有类别颜色的字段，例如 #1a6b3c；否则自动选择颜色。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/maps.py" />
   <source>GeoTIFF of class values on the scene's grid, with colors and class names; 0 is nodata. A QGIS style is written beside it.</source>
   <translation>影像格网上的类别值 GeoTIFF，带有颜色和类别名称；0 为无数据。旁边会写出 QGIS 样式。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/maps.py" />
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>Confidence</source>
   <translation>置信度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/maps.py" />
   <source>GeoTIFF of the probability of the class that the map shows, calibrated as the model file says. Where it is below 0.5, the class is more likely wrong than right: take such pixels as unsure.</source>
   <translation>图中所示类别的概率的 GeoTIFF，按模型文件进行校准。低于 0.5 时，该类别错误的可能性大于正确的可能性：应将这些像元视为不确定。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/maps.py" />
   <source>Class probabilities</source>
   <translation>类别概率</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/maps.py" />
   <source>GeoTIFF of all class probabilities, calibrated, one band a class.</source>
   <translation>所有类别概率的 GeoTIFF，经过校准，每个类别一个波段。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/maps.py" />
   <source>Margin</source>
   <translation>概率差</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/maps.py" />
   <source>GeoTIFF of the largest less the second largest probability: 0 where two classes are equally likely, 1 where one is certain.</source>
   <translation>最大概率与第二大概率之差的 GeoTIFF：0 表示两个类别可能性相同，1 表示一个类别完全确定。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/maps.py" />
   <source>Entropy</source>
   <translation>熵</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/maps.py" />
   <source>GeoTIFF of the entropy of the probabilities: 0 where one class is certain, 1 where all are equally likely.</source>
   <translation>概率的熵的 GeoTIFF：0 表示一个类别完全确定，1 表示所有类别可能性相同。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Design sample</source>
   <translation>设计样本</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Draws stratified random points from a land-cover map, ready to interpret.</source>
   <translation>从土地覆盖图中抽取分层随机点，可直接用于判读。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>&lt;p&gt;Draws pixels of a land-cover map at random, a number from each class, after the recommendations of Olofsson et al. (2014). Interpret the points on imagery or in the field: their form asks for the reference class, and hides what the map says there. Then give them to &lt;i&gt;Assess accuracy&lt;/i&gt;.&lt;/p&gt;&lt;p&gt;The points are in random order. Who interprets them in that order may stop early; skipping difficult ones biases the result.&lt;/p&gt;</source>
   <translation>&lt;p&gt;按照 Olofsson 等（2014）的建议，从土地覆盖图中随机抽取像元，每个类别抽取一定数量。请在影像上或野外判读这些点：其表单要求填写参考类别，并隐藏图上的类别。然后将它们交给&lt;i&gt;精度评价&lt;/i&gt;。&lt;/p&gt;&lt;p&gt;点按随机顺序排列。按此顺序判读可以提前结束；跳过难以判读的点会使结果产生偏差。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Raster of class values, whose classes are the strata. It may be of any size.</source>
   <translation>类别值栅格，其类别即为分层。大小不限。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Number of points</source>
   <translation>点数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>0 takes as many as the standard error below needs.</source>
   <translation>0 表示取达到下面的标准误差所需的点数。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Standard error of overall accuracy</source>
   <translation>总体精度的标准误差</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>What it is to be. 0.01 gives an interval of about 2 percent to each side.</source>
   <translation>希望达到的值。0.01 对应的区间约为左右各 2 个百分点。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Expected user's accuracy</source>
   <translation>预期用户精度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Of every class. It decides how many points are needed; a guess will do.</source>
   <translation>每个类别的预期值。它决定需要多少个点；粗略估计即可。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Allocation</source>
   <translation>样本分配</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>rare: rare classes get the number below, the others share the rest by area; proportional: all by area; equal: the same number each.</source>
   <translation>rare：稀有类别取下面的数量，其余类别按面积分配剩下的点；proportional：全部按面积分配；equal：各类别数量相同。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Points of a rare class</source>
   <translation>稀有类别的点数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>50 to 100 are usual.</source>
   <translation>通常取 50 到 100。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Seed</source>
   <translation>随机种子</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>The same seed draws the same points.</source>
   <translation>相同的种子抽取相同的点。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Other expected user's accuracies</source>
   <translation>其他预期用户精度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Of single classes, by value or name, such as: 3=0.6, 7=0.75</source>
   <translation>个别类别的值，按类别的值或名称给出，例如：3=0.6, 7=0.75</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Sample points</source>
   <translation>样本点</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>GeoPackage of points with a form for their interpretation.</source>
   <translation>带有判读表单的点 GeoPackage。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/sampledesign.py" />
   <source>Sample points (SAMPLE): {} is not a GeoPackage. Name it .gpkg.</source>
   <translation>样本点 (SAMPLE)：{} 不是 GeoPackage。请以 .gpkg 命名。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/samples.py" />
   <source>Table</source>
   <translation>表格</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/spectralsignatures.py" />
   <source>Spectral signatures</source>
   <translation>光谱特征</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/spectralsignatures.py" />
   <source>Mean spectrum and standard deviation of each class, and warnings about samples.</source>
   <translation>每个类别的平均光谱和标准差，以及关于样本的警告。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/spectralsignatures.py" />
   <source>&lt;p&gt;Draws the spectra of labeled pixels over wavelength, in the colors of the classes: the mean of each class, and one standard deviation to each side. Bands without data (water vapor, bad bands) are left as gaps.&lt;/p&gt;&lt;p&gt;The report opens with what a colleague would point at: too few pixels, a class in one polygon or in one corner, classes that claim the same pixels, polygons over nodata or outside of the scene, polygons that lie there twice.&lt;/p&gt;</source>
   <translation>&lt;p&gt;按波长绘制标注像元的光谱，使用各类别的颜色：每个类别的平均值，以及上下各一个标准差。没有数据的波段（水汽、坏波段）留为空隙。&lt;/p&gt;&lt;p&gt;报告首先列出同行会指出的问题：像元太少、一个类别只有一个多边形或集中在一角、多个类别占用相同的像元、多边形位于无数据区或影像之外、多边形重复。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/spectralsignatures.py" />
   <source>Warnings, plot and numbers of samples, in one HTML file.</source>
   <translation>警告、图和样本数量，写入一个 HTML 文件。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/spectralsignatures.py" />
   <source>One row for each class and band: pixels, mean, standard deviation, and the 5th, 50th and 95th percentile.</source>
   <translation>每个类别和波段一行：像元数、平均值、标准差，以及第 5、50 和 95 百分位数。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/trainandclassify.py" />
   <source>Train and classify</source>
   <translation>训练并分类</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/trainandclassify.py" />
   <source>Makes a land-cover map and a model from a scene with labeled polygons.</source>
   <translation>由带有标注多边形的影像制作土地覆盖图和模型。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/trainandclassify.py" />
   <source>&lt;p&gt;Trains a MambaHSI network on a scene and areas whose land cover you know, and classifies the whole scene with it: polygons in, a land-cover map out.&lt;/p&gt;&lt;p&gt;Some labeled areas are kept apart from training; the accuracy is measured on them alone. Three or more polygons per class make that possible.&lt;/p&gt;</source>
   <translation>&lt;p&gt;用影像和您已知土地覆盖类型的区域训练 MambaHSI 网络，并对整幅影像分类：输入多边形，得到土地覆盖图。&lt;/p&gt;&lt;p&gt;部分标注区域不参与训练；精度只在这些区域上测量。每个类别有三个或更多多边形时才能做到这一点。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>How labeled pixels are divided into training, validation (chooses the weights) and test (measures the accuracy). “spatial” keeps whole polygons apart and “blocks” square blocks of the scene, both with a buffer between the parts; these are the honest choices. “random” is the published benchmark protocol of random pixels, whose accuracy flatters because test pixels lie beside training pixels.</source>
   <translation>如何将标注像元划分为训练、验证（选择权重）和测试（测量精度）部分。“spatial”将整个多边形分开，“blocks”将影像的方块分开，两者都在各部分之间留有缓冲区；这才是可信的选择。“random”是文献中随机选取像元的基准方案，由于测试像元紧邻训练像元，其精度偏高。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Network configuration. {}.</source>
   <translation>网络配置。{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>“mambahsi” is the network, which sees every pixel in its surroundings. “forest” (random forest) and “svm” (support vector machine with a Gaussian kernel) look at single pixels, take seconds to minutes, and are a good choice for few or tiny polygons. They use the same training, validation and test pixels; settings of the network (epochs, learning rate, patience, window, scan, device) have no meaning for them.</source>
   <translation>“mambahsi”是网络，它结合周围环境来看每个像元。“forest”（随机森林）和“svm”（高斯核支持向量机）只看单个像元，耗时几秒到几分钟，适合多边形很少或很小的情形。它们使用相同的训练、验证和测试像元；网络的设置（训练轮数、学习率、早停轮数、窗口、扫描、设备）对它们没有意义。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Learning rate</source>
   <translation>学习率</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Step size of the optimizer (Adam).</source>
   <translation>优化器 (Adam) 的步长。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>The same seed gives the same model on the same machine.</source>
   <translation>相同的种子在同一台机器上得到相同的模型。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Class weights</source>
   <translation>类别权重</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>“balanced” gives rare classes the weight of frequent ones in the loss.</source>
   <translation>“balanced”使稀有类别在损失中与常见类别的权重相同。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Patience (epochs)</source>
   <translation>早停轮数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Stop after so many epochs without a better validation accuracy; 0 never stops.</source>
   <translation>验证精度连续这么多轮没有提高时停止；0 表示从不提前停止。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Validation share</source>
   <translation>验证比例</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Share of a class's labeled pixels for validation (spatial, blocks).</source>
   <translation>每个类别的标注像元中用于验证的比例（spatial、blocks）。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Test share</source>
   <translation>测试比例</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Share of a class's labeled pixels for the test (spatial, blocks).</source>
   <translation>每个类别的标注像元中用于测试的比例（spatial、blocks）。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Buffer (pixels)</source>
   <translation>缓冲区（像元）</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Unused pixels between training, validation and test (spatial, blocks): no test pixel is nearer than this to a training or validation pixel.</source>
   <translation>训练、验证和测试部分之间不使用的像元（spatial、blocks）：任何测试像元与训练或验证像元的距离都不小于此值。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Block size (pixels)</source>
   <translation>方块大小（像元）</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Rows and columns of a block (blocks); with every protocol, the blocks that are resampled for the intervals of the accuracy. Take what fields measure, or more.</source>
   <translation>一个方块的行数和列数 (blocks)；在任何方案中，它也是计算精度区间时重抽样的方块。请取地块的尺寸或更大。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Folds</source>
   <translation>折数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>0 takes the shares; another number deals the blocks to so many parts, one of which tests (blocks). Trained once for each fold, everything is tested once.</source>
   <translation>0 表示使用上述比例；其他数值将方块分成这么多份，其中一份用于测试 (blocks)。每一折各训练一次，全部方块就都被测试一次。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Fold that tests</source>
   <translation>用于测试的折</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>From 0 on, with folds (blocks).</source>
   <translation>从 0 开始，与折数配合使用 (blocks)。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Sampled</source>
   <translation>抽样</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Use only so many training and validation pixels per class as named below (spatial, blocks), so that protocols can be compared.</source>
   <translation>每个类别只使用下面指定数量的训练和验证像元（spatial、blocks），以便比较不同方案。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Training pixels per class</source>
   <translation>每个类别的训练像元数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Pixels of each class to train on (random; the others if sampled).</source>
   <translation>每个类别用于训练的像元数（random；其他方案在抽样时使用）。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Validation pixels per class</source>
   <translation>每个类别的验证像元数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Pixels of each class for validation (random; the others if sampled).</source>
   <translation>每个类别用于验证的像元数（random；其他方案在抽样时使用）。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Window (pixels)</source>
   <translation>窗口（像元）</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>0 trains and classifies the scene as a whole where the memory allows, and in windows around the labels where it does not. Another number, a multiple of 4, always takes windows of so many rows and columns.</source>
   <translation>0 表示在内存允许时对整幅影像进行训练和分类，不允许时使用标签周围的窗口。其他数值（4 的倍数）表示始终使用这么多行和列的窗口。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Compare classifiers</source>
   <translation>比较分类器</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Also fit a random forest and a support vector machine to the same pixels, and show in the report how they do on the same test pixels.</source>
   <translation>同时用相同的像元拟合随机森林和支持向量机，并在报告中给出它们在相同测试像元上的表现。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Resume</source>
   <translation>继续训练</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Go on from the checkpoint that a cancelled training left beside the model file. All other settings must be the same.</source>
   <translation>从已取消的训练在模型文件旁留下的检查点继续。所有其他设置必须相同。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Device</source>
   <translation>设备</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Where the network runs. “auto” takes a CUDA GPU where there is one.</source>
   <translation>网络在哪里运行。“auto”在有 CUDA GPU 时使用它。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Memory budget (GB)</source>
   <translation>内存上限 (GB)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>How much memory may be taken, on top of the engine itself (about 0.3 GB); 0 takes a safe share of what is free.</source>
   <translation>除引擎本身（约 0.3 GB）外可以使用多少内存；0 表示使用可用内存中安全的一部分。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Threads</source>
   <translation>线程数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Threads of the CPU; 0 takes the physical cores.</source>
   <translation>CPU 线程数；0 表示物理核心数。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Selective scan</source>
   <translation>选择性扫描</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Implementation of the network's scan; “auto” takes the fastest that works here.</source>
   <translation>网络的扫描实现；“auto”使用此处可用的最快实现。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Precision</source>
   <translation>精度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>What products of the network are computed in. “bfloat16” takes a GPU that computes in it (NVIDIA's from Ampere on), and gives slightly other results.</source>
   <translation>网络矩阵乘积的计算精度。“bfloat16”需要支持它的 GPU（NVIDIA Ampere 及以后），结果略有差异。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Protocol</source>
   <translation>划分方案</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Classifier</source>
   <translation>分类器</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Network</source>
   <translation>网络</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Epochs</source>
   <translation>训练轮数</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Passes over the training pixels; of a whole scene, each is one training step.</source>
   <translation>遍历训练像元的次数；对整幅影像训练时，每轮为一个训练步。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Separate validation layer</source>
   <translation>单独的验证图层</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Polygons or points, with the same class field, that choose the best weights.</source>
   <translation>用于选择最佳权重的多边形或点，类别字段相同。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Separate test layer</source>
   <translation>单独的测试图层</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Polygons or points, with the same class field, that alone measure the accuracy. Its pixels are never trained on.</source>
   <translation>仅用于测量精度的多边形或点，类别字段相同。其像元从不参与训练。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>MambaHSI model (*.safetensors)</source>
   <translation>MambaHSI 模型 (*.safetensors)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>The trained model: one file that holds weights, classes, bands and how it was trained. Beside it lie a record of the run and, as a raster, which pixels were trained on and tested. A cancelled training leaves a checkpoint there.</source>
   <translation>训练好的模型：一个文件，含有权重、类别、波段和训练方式。旁边有运行记录，以及标明哪些像元用于训练和测试的栅格。取消的训练会在那里留下检查点。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/training.py" />
   <source>Accuracy, confusion matrix, learning curves and the split, in one HTML file.</source>
   <translation>精度、混淆矩阵、学习曲线和数据划分，写入一个 HTML 文件。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/trainmodel.py" />
   <source>Train model</source>
   <translation>训练模型</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/trainmodel.py" />
   <source>Trains a MambaHSI model on a scene with labeled polygons or points.</source>
   <translation>用带有标注多边形或点的影像训练 MambaHSI 模型。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/algorithms/trainmodel.py" />
   <source>&lt;p&gt;Trains a MambaHSI network on a scene and areas whose land cover you know. The model file can then classify this scene and others with the same bands.&lt;/p&gt;&lt;p&gt;Some labeled areas are kept apart from training; the accuracy is measured on them alone. Three or more polygons per class make that possible.&lt;/p&gt;</source>
   <translation>&lt;p&gt;用影像和您已知土地覆盖类型的区域训练 MambaHSI 网络。之后可用模型文件对此影像和其他具有相同波段的影像分类。&lt;/p&gt;&lt;p&gt;部分标注区域不参与训练；精度只在这些区域上测量。每个类别有三个或更多多边形时才能做到这一点。&lt;/p&gt;</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Add class “{}”</source>
   <translation>添加类别“{}”</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Rename class “{}” to “{}”</source>
   <translation>将类别“{}”重命名为“{}”</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Recolor class “{}”</source>
   <translation>更改类别“{}”的颜色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Merge {} into “{}”</source>
   <translation>将 {} 合并到“{}”</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Remove class {}</source>
   <translation>移除类别 {}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Two classes would be called “{}”. Rename one of them first.</source>
   <translation>将有两个类别都叫“{}”。请先重命名其中一个。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Import {} classes</source>
   <translation>导入 {} 个类别</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Give {} polygons to class “{}”</source>
   <translation>将 {} 个多边形归入类别“{}”</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Add fields for names and colors of classes</source>
   <translation>添加类别名称和颜色字段</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Take names and colors from the style</source>
   <translation>从样式中获取名称和颜色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>“{}” has no field of whole numbers for classes.</source>
   <translation>“{}”没有可用于类别的整数字段。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>“{}”: polygons cannot be deleted.</source>
   <translation>“{}”：无法删除多边形。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>“{}”: polygon {} cannot be changed.</source>
   <translation>“{}”：无法更改多边形 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>There is no class {} any more.</source>
   <translation>类别 {} 已不存在。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>A class needs a name.</source>
   <translation>类别需要名称。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>There is a class “{}” already. To make one of two, merge them.</source>
   <translation>已有类别“{}”。要将两者合为一个，请使用合并。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>A map holds {} classes at most.</source>
   <translation>一幅图最多可有 {} 个类别。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/edits.py" />
   <source>Class {}</source>
   <translation>类别 {}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{} is neither a CSV nor a QML file.</source>
   <translation>{} 既不是 CSV 文件也不是 QML 文件。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{} cannot be read: {}</source>
   <translation>无法读取 {}：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{} is not encoded in UTF-8. Save it in this encoding.</source>
   <translation>{} 的编码不是 UTF-8。请以该编码保存。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <location filename="../../mambahsi_qgis/classes/layer.py" />
   <source>{} cannot be written: {}</source>
   <translation>无法写入 {}：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>The list of names</source>
   <translation>名称列表</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{} holds no classes.</source>
   <translation>{} 中没有类别。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>value</source>
   <translation>值</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>name</source>
   <translation>名称</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{}: the {} “{}” is there more than once.</source>
   <translation>{}：{}“{}”出现了不止一次。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{}: class “{}” has the value {}; values go from 1 to {}.</source>
   <translation>{}：类别“{}”的值为 {}；值的范围为 1 到 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{}: “{}” is no value of a class; a whole number is.</source>
   <translation>{}：“{}”不是类别的值；类别的值应为整数。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{}: “{}” is no color; #rrggbb is one.</source>
   <translation>{}：“{}”不是颜色；颜色的写法如 #rrggbb。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{}: the first line has no “{}”. It should be: {},{},{}</source>
   <translation>{}：第一行没有“{}”。第一行应为：{},{},{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{}, line {}</source>
   <translation>{} 第 {} 行</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{} is not a QGIS style.</source>
   <translation>{} 不是 QGIS 样式。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/files.py" />
   <source>{} is the style of neither a layer drawn by categories nor a paletted map.</source>
   <translation>{} 既不是分类符号图层的样式，也不是调色板图的样式。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/layer.py" />
   <source>{} is not a GeoPackage. Name it .gpkg.</source>
   <translation>{} 不是 GeoPackage。请以 .gpkg 命名。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/layer.py" />
   <source>Folder {} does not exist.</source>
   <translation>文件夹 {} 不存在。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/layer.py" />
   <source>The style of “{}” cannot be kept in its file: {}</source>
   <translation>无法将“{}”的样式保存到其文件中：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/layer.py" />
   <source>{} cannot be read again.</source>
   <translation>无法重新读取 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/numbering.py" />
   <source>“{}” has a field “{}” already. Choose it as the field of classes.</source>
   <translation>“{}”已有字段“{}”。请将它选为类别字段。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/numbering.py" />
   <source>Number the classes of “{}”</source>
   <translation>为“{}”的类别编号</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/numbering.py" />
   <source>“{}” takes no new field “{}”.</source>
   <translation>“{}”不接受新字段“{}”。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/classes/undo.py" />
   <source>“{}” cannot be edited: its file or database may be read-only.</source>
   <translation>无法编辑“{}”：其文件或数据库可能是只读的。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/actions.py" />
   <source>Show scene in natural or false colors</source>
   <translation>以自然色或假彩色显示影像</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/actions.py" />
   <source>Show scene</source>
   <translation>显示影像</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/actions.py" />
   <source>Red, green and blue light as the eye sees them</source>
   <translation>红、绿、蓝光，与人眼所见一致</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/actions.py" />
   <source>Near infrared, red, green: vegetation is red, water black</source>
   <translation>近红外、红、绿：植被呈红色，水体呈黑色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/actions.py" />
   <source>Short-wave infrared, near infrared, red: vegetation is green, soil and buildings are pink, water black</source>
   <translation>短波红外、近红外、红：植被呈绿色，土壤和建筑物呈粉色，水体呈黑色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/actions.py" />
   <source>Show scene in &amp;true color</source>
   <translation>以真彩色显示影像(&amp;T)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/actions.py" />
   <source>Show scene in &amp;near-infrared false color</source>
   <translation>以近红外假彩色显示影像(&amp;N)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/actions.py" />
   <source>Show scene in &amp;short-wave false color</source>
   <translation>以短波红外假彩色显示影像(&amp;S)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/actions.py" />
   <source>Choose a raster layer first, to be shown in {}.</source>
   <translation>请先选择要以{}显示的栅格图层。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/opening.py" />
   <source>Scenes</source>
   <translation>影像</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/opening.py" />
   <source>All files</source>
   <translation>所有文件</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/opening.py" />
   <source>Open scene</source>
   <translation>打开影像</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/opening.py" />
   <source>It is no raster.</source>
   <translation>它不是栅格。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/opening.py" />
   <source>{} cannot be opened: {}</source>
   <translation>无法打开 {}：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/products.py" />
   <source>GDAL takes the lines of a PRISMA cube for its bands. Convert the product to a GeoTIFF first, for example with EnMAP-Box (Import PRISMA product), and open that.</source>
   <translation>GDAL 将 PRISMA 数据立方体的行当作波段。请先将产品转换为 GeoTIFF，例如使用 EnMAP-Box（Import PRISMA product），再打开它。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/products.py" />
   <source>GDAL takes the lines of an EMIT cube for its bands. Convert the product to a GeoTIFF first, for example with EnMAP-Box (Import EMIT L2A product), and open that.</source>
   <translation>GDAL 将 EMIT 数据立方体的行当作波段。请先将产品转换为 GeoTIFF，例如使用 EnMAP-Box（Import EMIT L2A product），再打开它。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/products.py" />
   <source>It has no bands.</source>
   <translation>它没有波段。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/products.py" />
   <source>It has no bands of its own, but {} parts. Add the one that holds the scene with Layer ▸ Add Layer ▸ Add Raster Layer, which asks for the part.</source>
   <translation>它本身没有波段，但有 {} 个子数据集。请用“图层 ▸ 添加图层 ▸ 添加栅格图层”添加含有影像的那一个，该对话框会询问选择哪个子数据集。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/products.py" />
   <source>{} describes an image that is not beside it.</source>
   <translation>{} 描述的影像不在它旁边。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>True color</source>
   <translation>真彩色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>Near-infrared false color</source>
   <translation>近红外假彩色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>Short-wave false color</source>
   <translation>短波红外假彩色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>“{}” is a map of classes, not a scene.</source>
   <translation>“{}”是类别图，不是影像。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>{} ({:.0f} nm)</source>
   <translation>{} ({:.0f} nm)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>“{}” in {}: bands {}.</source>
   <translation>“{}”以{}显示：波段 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>“{}” in {}: bands {}, by their names.</source>
   <translation>“{}”以{}显示：波段 {}，依据波段名称。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>“{}” has no wavelengths. {} by the file's own colors: bands {}.</source>
   <translation>“{}”没有波长信息。按文件自身的颜色定义显示{}：波段 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>“{}” has no wavelengths. {} if its bands are in the usual order, from blue to infrared: bands {}.</source>
   <translation>“{}”没有波长信息。如果波段按通常顺序（从蓝光到红外）排列，则为{}：波段 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>“{}” has no wavelengths. Instead of {}, bands spread over the range: {}.</source>
   <translation>“{}”没有波长信息。不显示{}，而显示均匀分布于整个范围的波段：{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>“{}” has too few bands for {}: band {} in gray.</source>
   <translation>“{}”的波段太少，无法显示{}：以灰度显示波段 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>Colors of “{}”</source>
   <translation>“{}”的颜色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>The pixels cannot be read: {}</source>
   <translation>无法读取像元：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/showing.py" />
   <source>“{}” cannot be shown in {}: {}</source>
   <translation>“{}”无法以{}显示：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/views.py" />
   <source>There is nothing to see in band {}: no data, or one value only.</source>
   <translation>波段 {} 中没有可显示的内容：没有数据，或只有一个值。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/display/views.py" />
   <source>The scene has no good band between {:g} and {:g} nm, which this needs.</source>
   <translation>影像在 {:g} 和 {:g} nm 之间没有良好的波段，而这是必需的。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/events.py" />
   <source>epoch {}/{}</source>
   <translation>第 {}/{} 轮</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/events.py" />
   <source>epoch {}</source>
   <translation>第 {} 轮</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/events.py" />
   <source>loss {:.4f}</source>
   <translation>损失 {:.4f}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/events.py" />
   <source>validation accuracy {:.2%}</source>
   <translation>验证精度 {:.2%}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/events.py" />
   <source>{:,.0f} pixels/s</source>
   <translation>{:,.0f} 像元/秒</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/events.py" />
   <source>{} left</source>
   <translation>剩余 {}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/events.py" />
   <source>{:.0f} s</source>
   <translation>{:.0f} 秒</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/events.py" />
   <source>{} min</source>
   <translation>{} 分钟</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/events.py" />
   <source>{} h {} min</source>
   <translation>{} 小时 {} 分钟</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/installed.py" />
   <source>An installation of the engine is running. Wait until it is done.</source>
   <translation>引擎正在安装。请等待安装完成。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/installed.py" />
   <source>{path} cannot be removed: {reason}. Close what uses it (a running job, another QGIS) and try again.</source>
   <translation>无法移除 {path}：{reason}。请关闭正在使用它的程序（运行中的任务、另一个 QGIS）后重试。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/locate.py" />
   <source>the setting “Engine” of the MambaHSI provider</source>
   <translation>MambaHSI 提供者的“引擎”设置</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/locate.py" />
   <source>the environment variable {}</source>
   <translation>环境变量 {}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/locate.py" />
   <source>the engine installed by the plugin</source>
   <translation>插件安装的引擎</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/locate.py" />
   <source>This version of the plugin needs other packages than the installed engine has.</source>
   <translation>此版本的插件需要的软件包与已安装的引擎不同。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/locate.py" />
   <source>The MambaHSI engine is not installed yet.</source>
   <translation>尚未安装 MambaHSI 引擎。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/locate.py" />
   <source>Run “Install the engine” (mambahsi:installengine) once. An environment of your own can be named under Settings ▸ Options ▸ MambaHSI, or in the environment variable {}.</source>
   <translation>请运行一次“安装引擎”(mambahsi:installengine)。您也可以在“设置 ▸ 选项 ▸ MambaHSI”中或用环境变量 {} 指定自己的环境。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/locate.py" />
   <source>The engine's folder {path}, named by {origin}, holds no Python.</source>
   <translation>{origin} 指定的引擎文件夹 {path} 中没有 Python。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/locate.py" />
   <source>The engine's Python {path}, named by {origin}, does not exist.</source>
   <translation>{origin} 指定的引擎 Python {path} 不存在。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/locate.py" />
   <source>The engine's Python {path}, named by {origin}, cannot be executed.</source>
   <translation>{origin} 指定的引擎 Python {path} 无法执行。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/network.py" />
   <source>The address of the package index holds a user or a password, which QGIS would keep readable in its settings and its history. Leave them out. pip finds them in the file .netrc of your home folder (machine HOST login USER password PASSWORD).</source>
   <translation>软件包索引的地址中含有用户名或密码，QGIS 会以明文将其保存在设置和历史记录中。请去掉它们。pip 会从您主文件夹的 .netrc 文件（machine HOST login USER password PASSWORD）中读取。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/process.py" />
   <source>Engine: {python}; its log: {log}</source>
   <translation>引擎：{python}；其日志：{log}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/process.py" />
   <source>The engine's Python {} cannot be started: {}.</source>
   <translation>无法启动引擎的 Python {}：{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/process.py" />
   <source>Stopping the engine…</source>
   <translation>正在停止引擎…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/process.py" />
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <location filename="../../mambahsi_qgis/engine/vectors.py" />
   <location filename="../../mambahsi_qgis/gui/engine_task.py" />
   <source>Cancelled.</source>
   <translation>已取消。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/process.py" />
   <source>The engine failed.</source>
   <translation>引擎运行失败。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/process.py" />
   <source>Log: {}</source>
   <translation>日志：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/process.py" />
   <source>The engine was killed by the system, most likely because the memory ran out. Set a smaller memory budget, or take the preset “compact”. Run the same job again: a training goes on with Resume, and a classification by itself where a folder “….unfinished” lies beside the map, which may also be deleted.</source>
   <translation>引擎被系统终止，最可能的原因是内存耗尽。请设置更小的内存上限，或使用预设“compact”。然后再次运行同一任务：训练可通过“继续训练”接着进行；若地图旁有文件夹“….unfinished”，分类会自动接着进行，该文件夹也可以删除。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/process.py" />
   <source>The engine broke down ({}).</source>
   <translation>引擎异常中止（{}）。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/process.py" />
   <source>The engine ended without a result (exit status {}).</source>
   <translation>引擎结束时没有给出结果（退出状态 {}）。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/pythons.py" />
   <source>it is no Python, or does not run</source>
   <translation>它不是 Python，或无法运行</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/pythons.py" />
   <source>its version is not one of {} to {}</source>
   <translation>其版本不在 {} 到 {} 之间</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/pythons.py" />
   <source>it is a 32-bit program</source>
   <translation>它是 32 位程序</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/pythons.py" />
   <source>it lacks the module venv</source>
   <translation>它缺少 venv 模块</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/pythons.py" />
   <source>its module ssl does not work, so it cannot download anything</source>
   <translation>其 ssl 模块无法工作，因此不能下载任何内容</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>Copying “{}” to a temporary GeoTIFF: {}.</source>
   <translation>正在将“{}”复制为临时 GeoTIFF：{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>Raster layer “{}” is not valid: its source cannot be read.</source>
   <translation>栅格图层“{}”无效：无法读取其数据源。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>Layer “{}” is rendered by a server ({}): its pixels are a picture, not measurements. Choose a raster with the measured bands, such as a GeoTIFF.</source>
   <translation>图层“{}”由服务器 ({}) 渲染：其像元是图片，不是测量值。请选择含有实测波段的栅格，例如 GeoTIFF。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>Layer “{}” comes from QGIS's data provider “{}”, which the engine cannot read. Export it to a GeoTIFF (raw data) and choose that.</source>
   <translation>图层“{}”来自 QGIS 的数据提供者“{}”，引擎无法读取。请将其导出为 GeoTIFF（原始数据），然后选择导出的文件。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>GDAL cannot open the source of “{}”: {}</source>
   <translation>GDAL 无法打开“{}”的数据源：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>“{}” is placed by ground control points alone. Warp it first (Raster ▸ Projections ▸ Warp), then use the warped raster.</source>
   <translation>“{}”仅由地面控制点定位。请先对其进行变形（栅格 ▸ 投影 ▸ 变形），再使用变形后的栅格。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>it is in the memory of QGIS</source>
   <translation>它位于 QGIS 的内存中</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>the engine does not read format {}</source>
   <translation>引擎无法读取 {} 格式</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>it is opened with options ({})</source>
   <translation>它是用选项 ({}) 打开的</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>none is</source>
   <translation>均未使用</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>only {:g} is</source>
   <translation>仅使用 {:g}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>“{}” has additional nodata values as ranges, several or by band; {} used. One value for all bands can be used.</source>
   <translation>“{}”的附加无数据值是范围、有多个值或各波段不同；{}。只能使用所有波段共用的一个值。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>The file's own nodata value of “{}” stays in use, though it is switched off in the layer.</source>
   <translation>“{}”的文件自带的无数据值仍然有效，尽管它在图层中已被关闭。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/rasters.py" />
   <source>“{}” cannot be copied to a temporary GeoTIFF: {}</source>
   <translation>无法将“{}”复制为临时 GeoTIFF：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/vectors.py" />
   <source>Layer “{}” cannot be handed to the engine: {}</source>
   <translation>无法将图层“{}”交给引擎：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/vectors.py" />
   <source>“{}”: {} features without a geometry in the scene's CRS are left out.</source>
   <translation>“{}”：已忽略 {} 个在影像坐标参照系中没有几何图形的要素。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/vectors.py" />
   <source>“{}” has no feature to use. If “Selected features only” is checked, select some.</source>
   <translation>“{}”没有可用的要素。如果勾选了“仅选中的要素”，请先选中一些要素。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/engine/vectors.py" />
   <source>“{}” has no CRS; that of “{}” is assumed.</source>
   <translation>“{}”没有坐标参照系；假定与“{}”的相同。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/growing_window.py" />
   <source>This pixel is zero in all bands, so its spectrum has no direction. Choose the Euclidean distance, or click another pixel.</source>
   <translation>该像元在所有波段中均为零，因此其光谱没有方向。请选择欧氏距离，或点击另一个像元。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/growing_window.py" />
   <source>There is no data at this pixel. Click where the scene has pixels.</source>
   <translation>该像元处没有数据。请点击影像中有像元的位置。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_exchange.py" />
   <source>Import a list of classes</source>
   <translation>导入类别列表</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_exchange.py" />
   <source>Export the list of classes</source>
   <translation>导出类别列表</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>Choose a training layer above, or make a new one.</source>
   <translation>请在上面选择训练图层，或新建一个。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>The layer has no field for classes yet: see Fields above.</source>
   <translation>该图层还没有类别字段：参见上面的“字段”。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>Add a class to draw polygons of.</source>
   <translation>请添加一个类别，以便为其绘制多边形。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>1 polygon</source>
   <translation>1 个多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>{} polygons</source>
   <translation>{} 个多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>{} pixels</source>
   <translation>{} 个像元</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>polygons of different classes overlap</source>
   <translation>不同类别的多边形互相重叠</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>{} polygons have no class</source>
   <translation>{} 个多边形没有类别</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>Class</source>
   <translation>类别</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>Value</source>
   <translation>值</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Polygons</source>
   <translation>多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>Pixels</source>
   <translation>像元</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>Color and name. Edit the name with F2 or a double click.</source>
   <translation>颜色和名称。按 F2 或双击可编辑名称。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>Value in the class field and in the land-cover map</source>
   <translation>类别字段和土地覆盖图中的值</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>Polygons of this class, those not saved yet included</source>
   <translation>该类别的多边形，包括尚未保存的</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>Pixels of the scene whose centers lie in these polygons, each counted once. Pixels that several classes hold are left out, as in training.</source>
   <translation>影像中中心落在这些多边形内的像元，每个只计一次。与训练时一样，被多个类别占用的像元不计入。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>{}, color {}</source>
   <translation>{}，颜色 {}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>Choose a scene to count its pixels.</source>
   <translation>选择影像以统计其像元。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>{} more belong to other classes too and are left out</source>
   <translation>另有 {} 个也属于其他类别，未计入</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_model.py" />
   <source>{} polygons hold no pixel center</source>
   <translation>{} 个多边形不含任何像元中心</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>&amp;Add class</source>
   <translation>添加类别(&amp;A)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Re&amp;name</source>
   <translation>重命名(&amp;N)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>&amp;Color…</source>
   <translation>颜色(&amp;C)…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>&amp;Merge into</source>
   <translation>合并到(&amp;M)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>&amp;Remove with polygons</source>
   <translation>连同多边形一起移除(&amp;R)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>&amp;Select polygons</source>
   <translation>选择多边形(&amp;S)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>&amp;Give selected polygons this class</source>
   <translation>将选中的多边形归入此类别(&amp;G)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>&amp;Import list…</source>
   <translation>导入列表(&amp;I)…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>&amp;Export list…</source>
   <translation>导出列表(&amp;E)…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Undo</source>
   <translation>撤销</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Redo</source>
   <translation>重做</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Save edits</source>
   <translation>保存编辑</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Add a class</source>
   <translation>添加一个类别</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Rename the class, in its polygons too</source>
   <translation>重命名类别，其多边形也一并更改</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Choose another color for the class, in its polygons too</source>
   <translation>为类别另选颜色，其多边形也一并更改</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Merge the selected classes into one of them</source>
   <translation>将选中的类别合并为其中一个</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Remove the selected classes together with their polygons</source>
   <translation>移除选中的类别及其多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Select the polygons of these classes in the layer</source>
   <translation>在图层中选择这些类别的多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Give the polygons that are selected in the layer this class</source>
   <translation>将图层中选中的多边形归入此类别</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Add classes from a CSV or QML file; values that are there already get the file's name and color</source>
   <translation>从 CSV 或 QML 文件添加类别；已有的值将采用文件中的名称和颜色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Write the classes into a CSV or QML file</source>
   <translation>将类别写入 CSV 或 QML 文件</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Undo the last change of the training layer</source>
   <translation>撤销训练图层的最近一次更改</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Redo what was undone in the training layer</source>
   <translation>重做训练图层中被撤销的操作</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Save the edits of the training layer and go on editing</source>
   <translation>保存训练图层的编辑并继续编辑</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Color of “{}”</source>
   <translation>“{}”的颜色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_panel.py" />
   <source>Select polygons in the training layer first.</source>
   <translation>请先在训练图层中选择多边形。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/class_view.py" />
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Classes</source>
   <translation>类别</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/context.py" />
   <location filename="../../mambahsi_qgis/gui/drawing/capture.py" />
   <source>Choose or create a training layer first.</source>
   <translation>请先选择或创建训练图层。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/context.py" />
   <source>Select a class first.</source>
   <translation>请先选择一个类别。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/context.py" />
   <source>The polygon cannot be transformed to the CRS of “{}”.</source>
   <translation>无法将该多边形转换到“{}”的坐标参照系。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/context.py" />
   <source>The polygon has no area.</source>
   <translation>该多边形没有面积。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/context.py" />
   <source>Add polygon of class “{}”</source>
   <translation>添加类别“{}”的多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/context.py" />
   <source>“{}” does not take the polygon.</source>
   <translation>“{}”不接受该多边形。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>MambaHSI training</source>
   <translation>MambaHSI 训练</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Classes, and tools to draw polygons of them</source>
   <translation>类别，以及为其绘制多边形的工具</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Samples</source>
   <translation>样本</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Whether the polygons are any good</source>
   <translation>检查多边形的质量</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Train</source>
   <translation>训练</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Train on the polygons, and classify the scene</source>
   <translation>用多边形训练，并对影像分类</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>Map</source>
   <translation>地图</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Look at the map, and where it is unsure</source>
   <translation>查看地图，以及其中不确定的位置</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>The raster to be classified: hyperspectral or multispectral, any size</source>
   <translation>要分类的栅格：高光谱或多光谱，大小不限</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>The polygon layer that holds the training samples</source>
   <translation>存放训练样本的多边形图层</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <location filename="../../mambahsi_qgis/gui/new_layer.py" />
   <source>New training layer</source>
   <translation>新建训练图层</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Make a training layer in the scene's CRS</source>
   <translation>以影像的坐标参照系创建训练图层</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Sce&amp;ne</source>
   <translation>影像(&amp;N)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/dock.py" />
   <source>Training la&amp;yer</source>
   <translation>训练图层(&amp;Y)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/capture.py" />
   <source>Select a class first: new polygons belong to it.</source>
   <translation>请先选择类别：新的多边形将属于它。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/grower.py" />
   <source>Choose a scene first.</source>
   <translation>请先选择影像。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/grower.py" />
   <source>This place lies outside the scene “{}”.</source>
   <translation>此位置在影像“{}”之外。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Measure</source>
   <translation>度量</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Spectral angle: the shape of the spectrum counts, not its brightness, so shade matters little. Euclidean distance: brightness counts, too.</source>
   <translation>光谱角：比较光谱的形状而非亮度，因此阴影影响很小。欧氏距离：亮度也计入。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Spectral angle</source>
   <translation>光谱角</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Euclidean distance</source>
   <translation>欧氏距离</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Window</source>
   <translation>窗口</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Side of the window around the clicked pixel that the region is looked for in</source>
   <translation>在被点击像元周围搜索区域的窗口的边长</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source> pixels</source>
   <translation> 像元</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>&amp;Fill holes</source>
   <translation>填充孔洞(&amp;F)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Take pixels that the region surrounds into the polygon, too</source>
   <translation>将被区域包围的像元也纳入多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>&amp;Add polygon</source>
   <translation>添加多边形(&amp;A)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Make the region a polygon of the selected class (Enter or right click on the map)</source>
   <translation>将区域转为所选类别的多边形（在地图上按 Enter 或单击右键）</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>&amp;Give up</source>
   <translation>放弃(&amp;G)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Forget the region (Escape on the map)</source>
   <translation>放弃该区域（在地图上按 Esc）</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Meas&amp;ure</source>
   <translation>度量(&amp;U)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>&amp;Tolerance</source>
   <translation>容差(&amp;T)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>W&amp;indow</source>
   <translation>窗口(&amp;I)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Reading spectra …</source>
   <translation>正在读取光谱 …</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>Click a pixel on the map.</source>
   <translation>请在地图上点击一个像元。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/options.py" />
   <source>; the window ends the region</source>
   <translation>；区域被窗口截断</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/polygon.py" />
   <source>A polygon needs three corners at least.</source>
   <translation>多边形至少需要三个顶点。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/reading.py" />
   <source>There is not enough memory to read the window.</source>
   <translation>内存不足，无法读取窗口。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/tolerance.py" />
   <source>Tolerance</source>
   <translation>容差</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/tolerance.py" />
   <source>How far a pixel's spectrum may be from that of the clicked one</source>
   <translation>像元光谱与被点击像元光谱的最大差异</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/toolbar.py" />
   <source>Draw polygon</source>
   <translation>绘制多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/toolbar.py" />
   <source>Click the corners; right click or Enter ends, Backspace takes a corner back, Escape gives up</source>
   <translation>点击各顶点；右键或 Enter 结束，Backspace 撤回一个顶点，Esc 放弃</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/toolbar.py" />
   <source>Draw freehand</source>
   <translation>徒手绘制</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/toolbar.py" />
   <source>Draw the outline with the mouse button held down; Escape gives up</source>
   <translation>按住鼠标按键绘制轮廓；Esc 放弃</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/toolbar.py" />
   <source>Draw rectangle</source>
   <translation>绘制矩形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/toolbar.py" />
   <source>Drag, or click two opposite corners; Escape gives up</source>
   <translation>拖动，或点击两个对角；Esc 放弃</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/toolbar.py" />
   <source>Grow region</source>
   <translation>区域生长</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/drawing/toolbar.py" />
   <source>Click a pixel: the connected pixels with a similar spectrum become a polygon; Enter or right click adds it, Escape gives up</source>
   <translation>点击一个像元：与其相连且光谱相似的像元构成多边形；Enter 或右键添加，Esc 放弃</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/engine_task.py" />
   <source>The log tells more.</source>
   <translation>详情见日志。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/engine_task.py" />
   <source>{}, cancelled</source>
   <translation>{}，已取消</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Fields</source>
   <translation>字段</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Which fields of the layer hold value, name and color of the classes</source>
   <translation>图层中存放类别的值、名称和颜色的字段</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Class value</source>
   <translation>类别值</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Field of whole numbers that holds the class</source>
   <translation>存放类别的整数字段</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Class name</source>
   <translation>类别名称</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Field of text that holds the name of the class; may be empty</source>
   <translation>存放类别名称的文本字段；可以为空</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Class color</source>
   <translation>类别颜色</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Field of text that holds the color of the class, such as #1a6b3c; may be empty</source>
   <translation>存放类别颜色的文本字段，例如 #1a6b3c；可以为空</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>N&amp;umber the classes</source>
   <translation>为类别编号(&amp;U)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Add a field class_id and give each text a number in it, as one undo step</source>
   <translation>添加字段 class_id，并在其中为每个文本赋予一个编号，作为一次可撤销的操作</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Add &amp;fields for names and colors</source>
   <translation>添加名称和颜色字段(&amp;F)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>Without them, names and colors are in the layer's style alone, and training does not know them</source>
   <translation>没有它们时，名称和颜色只存在于图层样式中，训练时无法得知</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>“{}” holds text; classes need whole numbers.</source>
   <translation>“{}”为文本；类别需要整数。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/field_box.py" />
   <source>No field holds whole numbers. Choose a field of text to number its classes.</source>
   <translation>没有整数字段。请选择一个文本字段，为其类别编号。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/kernels_box.py" />
   <source>Build the &amp;kernels of mamba-ssm, too</source>
   <translation>同时构建 mamba-ssm 的内核(&amp;K)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/kernels_box.py" />
   <source>An extra of an installation, for graphics cards; the engine works without it</source>
   <translation>安装时的可选项，用于显卡；没有它引擎同样可以工作</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/kernels_box.py" />
   <source>Looking for compilers…</source>
   <translation>正在查找编译器…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/kernels_box.py" />
   <source>Compilers and a graphics card were found; the build takes long.</source>
   <translation>已找到编译器和显卡；构建需要较长时间。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/kernels_box.py" />
   <source>They cannot be built here: {}.</source>
   <translation>无法在此构建：{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/panel.py" />
   <source>Export land cover…</source>
   <translation>导出土地覆盖…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/panel.py" />
   <source>Turn the map into polygons, with the area of every class</source>
   <translation>将地图转换为多边形，并给出每个类别的面积</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/panel.py" />
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Open report</source>
   <translation>打开报告</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/panel.py" />
   <source>Open the report of the training that made the map</source>
   <translation>打开制作该地图的训练报告</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/panel.py" />
   <source>Choose a confidence raster, which a classification gives on request.</source>
   <translation>请选择置信度栅格，分类时可按需生成。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/panel.py" />
   <source>The place cannot be shown in the project's CRS.</source>
   <translation>无法在工程的坐标参照系中显示该位置。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/panel.py" />
   <source>The report cannot be opened.</source>
   <translation>无法打开报告。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places.py" />
   <source>{} holds nodata only.</source>
   <translation>{} 中只有无数据。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places.py" />
   <source>{} holds values from {:.3g} to {:.3g}; confidence is from 0 to 1.</source>
   <translation>{} 的值在 {:.3g} 到 {:.3g} 之间；置信度应在 0 到 1 之间。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places.py" />
   <source>{} cannot be opened.</source>
   <translation>无法打开 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places.py" />
   <source>{} cannot be read.</source>
   <translation>无法读取 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Where is it unsure?</source>
   <translation>哪里不确定？</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>S&amp;kip places with training polygons</source>
   <translation>跳过已有训练多边形的位置(&amp;K)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Next and Previous go to places only in which no training polygon lies yet</source>
   <translation>“下一个”和“上一个”只转到尚无训练多边形的位置</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Unsure below</source>
   <translation>不确定阈值</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Confidence below which a pixel is unsure. Below {:g}, its class is more likely wrong than right.</source>
   <translation>置信度低于此值的像元为不确定。低于 {:g} 时，其类别错误的可能性大于正确的可能性。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Unsure &amp;below</source>
   <translation>不确定阈值(&amp;B)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Unsure places, the largest first</source>
   <translation>不确定的位置，最大的在前</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Places of low confidence, the largest first. Choose one to go there. Regions much wider than the others are listed in parts.</source>
   <translation>低置信度的位置，最大的在前。选择一个即可转到该处。远大于其他区域的区域会分段列出。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Size</source>
   <translation>大小</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>The map shows</source>
   <translation>地图所示类别</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Training polygons that lie there already</source>
   <translation>该处已有的训练多边形</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Previo&amp;us</source>
   <translation>上一个(&amp;U)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Go to the next larger place</source>
   <translation>转到更大的一个位置</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Ne&amp;xt</source>
   <translation>下一个(&amp;X)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Go to the next smaller place</source>
   <translation>转到更小的一个位置</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>List the largest places of low confidence, and go to the first</source>
   <translation>列出置信度低的最大位置，并转到第一个</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>{:,} pixels</source>
   <translation>{:,} 个像元</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Stop</source>
   <translation>停止</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>F&amp;ind places</source>
   <translation>查找位置(&amp;I)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Looking for unsure places…</source>
   <translation>正在查找不确定的位置…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>No unsure place: {:.1%} of the map is unsure, in single pixels.</source>
   <translation>没有不确定的位置：地图的 {:.1%} 不确定，均为零星像元。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>{:.1%} of the map is unsure.</source>
   <translation>地图的 {:.1%} 不确定。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>Place {} of {}</source>
   <translation>第 {} 个位置，共 {} 个</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>All listed places hold training polygons.</source>
   <translation>列出的位置都已有训练多边形。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/places_view.py" />
   <source>{} ha</source>
   <translation>{} 公顷</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/search_task.py" />
   <source>Where is the map unsure?</source>
   <translation>地图哪里不确定？</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/search_task.py" />
   <source>The search failed: {}</source>
   <translation>查找失败：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>The land-cover map to look at</source>
   <translation>要查看的土地覆盖图</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>The raster that tells how sure the map is, from 0 to 1</source>
   <translation>表示地图可靠程度的栅格，取值 0 到 1</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>Opacity of the map</source>
   <translation>地图的不透明度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>How much of the scene the map hides</source>
   <translation>地图对影像的遮盖程度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>Show</source>
   <translation>显示</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>Show or hide the map, to compare it with the scene</source>
   <translation>显示或隐藏地图，以便与影像比较</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>M&amp;ap</source>
   <translation>地图(&amp;A)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>Con&amp;fidence</source>
   <translation>置信度(&amp;F)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/map/shown_map.py" />
   <source>Opaci&amp;ty</source>
   <translation>不透明度(&amp;T)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/new_layer.py" />
   <source>{} is open as layer “{}”. Choose another name, or that layer.</source>
   <translation>{} 已作为图层“{}”打开。请另选名称，或选择该图层。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>The engine that jobs run in now</source>
   <translation>任务当前使用的引擎</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Report on the engine</source>
   <translation>引擎报告</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>What the engine is and whether it works; without passwords</source>
   <translation>引擎是什么以及能否工作；不含密码</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>“Examine” tells here whether the engine works.</source>
   <translation>点击“检查”，在此查看引擎能否工作。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Folder of an environment of your own (conda, a cluster's module), or its Python. Empty takes the engine that the plugin installed.</source>
   <translation>您自己的环境的文件夹（conda、集群的模块），或其 Python。留空则使用插件安装的引擎。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Address of a package index to install from, for example a company's. Empty: PyPI.</source>
   <translation>用于安装的软件包索引地址，例如公司内部的索引。留空：PyPI。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>PyPI</source>
   <translation>PyPI</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Engine of your &amp;own</source>
   <translation>您自己的引擎(&amp;O)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Package in&amp;dex</source>
   <translation>软件包索引(&amp;D)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>&amp;Examine</source>
   <translation>检查(&amp;E)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Try everything that a job needs in the engine named above</source>
   <translation>在上面指定的引擎中试用任务所需的一切</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>&amp;Copy report</source>
   <translation>复制报告(&amp;C)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Copy the report, for a question or a bug report</source>
   <translation>复制报告，用于提问或报告问题</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>&amp;Install the engine…</source>
   <translation>安装引擎(&amp;I)…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Tells size and place first, and installs after your yes</source>
   <translation>先说明大小和位置，经您同意后安装</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>&amp;Remove engines…</source>
   <translation>移除引擎(&amp;R)…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Tells how much room it frees, and removes after your yes</source>
   <translation>先说明能释放多少空间，经您同意后移除</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>this page</source>
   <translation>本页面</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>Examining {} …</source>
   <translation>正在检查 {} …</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>MambaHSI: examining the engine</source>
   <translation>MambaHSI：正在检查引擎</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/options.py" />
   <source>The engine works.</source>
   <translation>引擎工作正常。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/pixel_counts.py" />
   <source>Count pixels of training polygons</source>
   <translation>统计训练多边形的像元</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/check.py" />
   <location filename="../../mambahsi_qgis/gui/training/trainer.py" />
   <source>Starting the engine</source>
   <translation>正在启动引擎</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/check.py" />
   <source>MambaHSI: checking samples of “{}”</source>
   <translation>MambaHSI：正在检查“{}”的样本</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/check.py" />
   <source>What the engine wrote cannot be read: {}</source>
   <translation>无法读取引擎写出的内容：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/figures.py" />
   <source>Wavelength (nm)</source>
   <translation>波长 (nm)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/figures.py" />
   <source>Band</source>
   <translation>波段</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/matrix.py" />
   <source>Separability of the classes</source>
   <translation>类别可分性</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/matrix.py" />
   <source>{}: {:,} pixels</source>
   <translation>{}：{:,} 个像元</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/panel.py" />
   <location filename="../../mambahsi_qgis/gui/training/panel.py" />
   <source>Choose a scene and a training layer above.</source>
   <translation>请在上面选择影像和训练图层。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/panel.py" />
   <source>Not checked yet.</source>
   <translation>尚未检查。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/panel.py" />
   <source>Checked at {}: {} classes, {:,} pixels.</source>
   <translation>检查于 {}：{} 个类别，{:,} 个像元。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/panel.py" />
   <source>Polygons or classes have changed since.</source>
   <translation>此后多边形或类别已更改。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/spectra.py" />
   <source>Mean spectra of the classes</source>
   <translation>各类别的平均光谱</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/spectra.py" />
   <source>Lines: mean of each class's samples. Shades: one standard deviation to each side. Gaps: bands without data, and bad bands.</source>
   <translation>线：各类别样本的平均值。阴影：上下各一个标准差。空隙：没有数据的波段和坏波段。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/spectra.py" />
   <source>The classes and their colors.</source>
   <translation>类别及其颜色。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/spectra.py" />
   <source>Mean and standard deviation by band and class. QGIS has no matplotlib here to plot them.</source>
   <translation>各波段和类别的平均值和标准差。此 QGIS 没有 matplotlib，无法绘图。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/spectra.py" />
   <source>Value as stored</source>
   <translation>存储值</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>Chec&amp;k samples</source>
   <translation>检查样本(&amp;K)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>Look at the pixels of the polygons as they are now, saved or not.</source>
   <translation>查看多边形当前的像元，无论是否已保存。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>C&amp;ancel</source>
   <translation>取消(&amp;A)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>Stop looking.</source>
   <translation>停止检查。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>Re&amp;fresh after edits</source>
   <translation>编辑后刷新(&amp;F)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>Look again by itself, a moment after polygons or classes were changed.</source>
   <translation>多边形或类别更改后片刻自动重新检查。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>Progress of the check</source>
   <translation>检查进度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>The engine is looking at the samples.</source>
   <translation>引擎正在检查样本。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>How the check stands.</source>
   <translation>检查的状态。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>Warnings</source>
   <translation>警告</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>Separability (Jeffries-Matusita, 0 to 2)</source>
   <translation>可分性（Jeffries-Matusita，0 到 2）</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>0: two classes are alike; 2: they are apart. Where there are many bands, they are compared in principal components. Colors and words tell what is found beyond chance: few samples look separable whatever they are.</source>
   <translation>0：两个类别相同；2：完全可分。波段较多时，在主成分空间中比较。颜色和文字说明超出偶然的部分：样本很少时，任何类别看起来都可分。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>The least separable pairs of classes.</source>
   <translation>可分性最差的类别对。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>All pairs of classes are well separable.</source>
   <translation>所有类别对的可分性都良好。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>Separability takes at least two classes.</source>
   <translation>计算可分性至少需要两个类别。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/samples/view.py" />
   <source>What to look at.</source>
   <translation>需要注意的问题。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/curve_plot.py" />
   <location filename="../../mambahsi_qgis/gui/training/curve_view.py" />
   <source>Loss</source>
   <translation>损失</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/curve_plot.py" />
   <source>Validation accuracy (%)</source>
   <translation>验证精度 (%)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/curve_plot.py" />
   <location filename="../../mambahsi_qgis/gui/training/curve_view.py" />
   <source>Epoch</source>
   <translation>轮次</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/curve_view.py" />
   <source>Loss and validation accuracy by epoch</source>
   <translation>各轮的损失和验证精度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/curve_view.py" />
   <source>Loss on the training pixels (should fall) and accuracy on the validation pixels (should rise). The weights of the epoch with the dot are kept.</source>
   <translation>训练像元上的损失（应下降）和验证像元上的精度（应上升）。保留圆点所示轮次的权重。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/curve_view.py" />
   <source>The last epochs. QGIS has no matplotlib here to plot them.</source>
   <translation>最近几轮。此 QGIS 没有 matplotlib，无法绘图。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/curve_view.py" />
   <source>Validation accuracy</source>
   <translation>验证精度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/devices.py" />
   <source>MambaHSI: asking the engine for its devices</source>
   <translation>MambaHSI：正在向引擎查询设备</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/devices.py" />
   <source>CPU</source>
   <translation>CPU</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/devices.py" />
   <source>GPU</source>
   <translation>GPU</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/devices.py" />
   <source>{}, {}</source>
   <translation>{}，{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/devices.py" />
   <source>{}, {:.1f} GB free</source>
   <translation>{}，可用 {:.1f} GB</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Networ&amp;k:</source>
   <translation>网络(&amp;K)：</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Passes over the training pixels. A first look takes 20 to 50; a map to keep takes {}.</source>
   <translation>遍历训练像元的次数。初步查看取 20 到 50；制作正式地图取 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Epochs:</source>
   <translation>训练轮数：</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Dev&amp;ice:</source>
   <translation>设备(&amp;I)：</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Where the network will run, as the engine says.</source>
   <translation>引擎报告的网络运行设备。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Folder for the outputs</source>
   <translation>输出文件夹</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Every training makes a folder of its own in here, named by scene and time, for the map, the model and the report. Nothing is overwritten.</source>
   <translation>每次训练都在此处创建单独的文件夹，以影像和时间命名，用于存放地图、模型和报告。不会覆盖任何内容。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>&amp;Folder:</source>
   <translation>文件夹(&amp;F)：</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Confidence &amp;as a layer, too</source>
   <translation>置信度也作为图层(&amp;A)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Also writes how probable the class of every pixel is. Added below the map.</source>
   <translation>同时写出每个像元所属类别的概率。添加在地图下方。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Open the report at the end</source>
   <translation>结束时打开报告</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Opens it in your browser. It is written in any case.</source>
   <translation>在浏览器中打开。无论如何都会写出报告。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>Will run on: {}.</source>
   <translation>将运行于：{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/form.py" />
   <source>The engine sees no such device here. Choose “auto” or “cpu”.</source>
   <translation>引擎在此处没有发现这样的设备。请选择“auto”或“cpu”。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/log_window.py" />
   <source>Log of the training</source>
   <translation>训练日志</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/log_window.py" />
   <source>What the engine has told, and where its own log file lies.</source>
   <translation>引擎输出的内容，以及其日志文件的位置。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/log_window.py" />
   <source>Close this window; the log is kept.</source>
   <translation>关闭此窗口；日志会保留。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/order.py" />
   <source>Folder {} cannot be written to: {}.</source>
   <translation>无法写入文件夹 {}：{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/order.py" />
   <source>{} and {} more</source>
   <translation>{} 和另外 {} 个</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/order.py" />
   <source>Fewer than {} polygons of class {}: they have to be cut, and the same ones then train and test. Draw more of them, in different places.</source>
   <translation>多边形少于 {} 个的类别：{}。这些多边形必须切分，同一个多边形会既用于训练又用于测试。请在不同的地方多画一些。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/panel.py" />
   <source>Asking the engine where it can run…</source>
   <translation>正在询问引擎可以在哪里运行…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/panel.py" />
   <source>Go on with a training that was cancelled or broke off.</source>
   <translation>继续已取消或中断的训练。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/panel.py" />
   <source>Folder {} cannot be written to: {}. Choose another one.</source>
   <translation>无法写入文件夹 {}：{}。请另选一个。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/panel.py" />
   <source>This training runs in another QGIS.</source>
   <translation>此训练正在另一个 QGIS 中运行。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/panel.py" />
   <source>Show log</source>
   <translation>显示日志</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/panel.py" />
   <source>The training on {}, begun in another project, is done.</source>
   <translation>在另一个工程中开始的 {} 的训练已完成。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/panel.py" />
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Add map</source>
   <translation>添加地图</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/panel.py" />
   <source>The map {} cannot be read.</source>
   <translation>无法读取地图 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/panel.py" />
   <source>The report {} cannot be opened.</source>
   <translation>无法打开报告 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/results.py" />
   <source>Land cover, {}</source>
   <translation>土地覆盖，{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/results.py" />
   <source>Confidence, {}</source>
   <translation>置信度，{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/run_folder.py" />
   <source>{} cannot be read, so this training cannot go on: {}</source>
   <translation>无法读取 {}，因此该训练无法继续：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>{}: network “{}”, {:,} epochs, device “{}”</source>
   <translation>{}：网络“{}”，{:,} 轮，设备“{}”</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>Stopping the engine</source>
   <translation>正在停止引擎</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>epoch {:,} of {:,}</source>
   <translation>第 {:,} 轮，共 {:,} 轮</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>about {} of training left</source>
   <translation>训练大约还需 {}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>time left not known yet</source>
   <translation>剩余时间未知</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>{} so far</source>
   <translation>已用 {}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>No pixels were left to test it: draw more polygons per class.</source>
   <translation>没有剩余像元可供测试：请为每个类别多画一些多边形。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>Overall accuracy {:.1%} on {:,} test pixels of {} classes, average accuracy {:.1%}.</source>
   <translation>总体精度 {0:.1%}（{2} 个类别的 {1:,} 个测试像元），平均精度 {3:.1%}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>Done in {}.</source>
   <translation>完成，用时 {}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>Open their folder</source>
   <translation>打开所在文件夹</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>Map, model and report are written. {}.</source>
   <translation>地图、模型和报告已写出。{}。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>Cancelled. All that was done is kept; Resume goes on from there.</source>
   <translation>已取消。已完成的部分都已保留；“继续”将从该处接着进行。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>Cancelled before there was anything to keep.</source>
   <translation>已取消，尚无可保留的内容。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>Make the map of the training on {} begun at {}, which is complete. It uses the polygons and settings that it was begun with.</source>
   <translation>制作 {1} 开始的 {0} 的训练的地图，该训练已完成。使用开始时的多边形和设置。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/status.py" />
   <source>Go on with the training on {} begun at {}, from epoch {}, with the polygons and settings that it was begun with. The result is that of a training that was never stopped.</source>
   <translation>继续 {1} 开始的 {0} 的训练，从第 {2} 轮起，使用开始时的多边形和设置。结果与从未中断的训练相同。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/trainer.py" />
   <source>Training in {}</source>
   <translation>在 {} 中训练</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/trainer.py" />
   <source>MambaHSI: training on {}</source>
   <translation>MambaHSI：正在训练 {}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/trainer.py" />
   <source>Warning: {}</source>
   <translation>警告：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>The training below.</source>
   <translation>下面的训练。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>What there is to say of the engine.</source>
   <translation>关于引擎的说明。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Install the engine…</source>
   <translation>安装引擎…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Open “Install the engine” of the Processing toolbox.</source>
   <translation>打开处理工具箱中的“安装引擎”。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Look again</source>
   <translation>重新查找</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>After an engine was set up, look for it again.</source>
   <translation>设置好引擎后，重新查找它。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>What may go wrong with these polygons.</source>
   <translation>使用这些多边形可能出现的问题。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>&amp;Train</source>
   <translation>训练(&amp;T)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Train on the polygons as they are now, then classify the scene.</source>
   <translation>用当前的多边形训练，然后对影像分类。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Cancel</source>
   <translation>取消</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Stop. All that was done is kept, and Resume goes on from there.</source>
   <translation>停止。已完成的部分都会保留，“继续”将从该处接着进行。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Res&amp;ume</source>
   <translation>继续(&amp;U)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Progress of the training</source>
   <translation>训练进度</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>How much of training and classification is done.</source>
   <translation>训练和分类完成了多少。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>How the training stands.</source>
   <translation>训练的状态。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Add the map to this project.</source>
   <translation>将地图添加到此工程。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Open the report of the last training in your browser.</source>
   <translation>在浏览器中打开最近一次训练的报告。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Show lo&amp;g</source>
   <translation>显示日志(&amp;G)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Show what the engine has told, and where its log file lies.</source>
   <translation>显示引擎输出的内容，以及其日志文件的位置。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>More options…</source>
   <translation>更多选项…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/training/view.py" />
   <source>Open “Train and classify” of the Processing toolbox with these choices.</source>
   <translation>以这些选择打开处理工具箱中的“训练并分类”。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/window.py" />
   <source>MambaHSI</source>
   <translation>MambaHSI</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/window.py" />
   <source>MambaHSI &amp;training</source>
   <translation>MambaHSI 训练(&amp;T)</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/window.py" />
   <source>Draw training polygons, train, and look at the map</source>
   <translation>绘制训练多边形、训练并查看地图</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/window.py" />
   <source>&amp;Open scene…</source>
   <translation>打开影像(&amp;O)…</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/gui/window.py" />
   <source>Open a scene from its file and show it in color</source>
   <translation>从文件打开影像并以彩色显示</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/provider.py" />
   <source>MambaHSI hyperspectral land-cover classification</source>
   <translation>MambaHSI 高光谱土地覆盖分类</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/settings.py" />
   <source>Engine: folder of its Python environment, or its Python</source>
   <translation>引擎：其 Python 环境的文件夹，或其 Python</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/settings.py" />
   <source>Not set</source>
   <translation>未设置</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/spectra.py" />
   <source>{} has no band that is not flagged as bad.</source>
   <translation>{} 的所有波段都被标记为坏波段。</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/spectra.py" />
   <source>GDAL cannot open {}: {}</source>
   <translation>GDAL 无法打开 {}：{}</translation>
  </message>
  <message>
   <location filename="../../mambahsi_qgis/spectra.py" />
   <source>{} cannot be read at row {}, column {}: {} It may be truncated or corrupt.</source>
   <translation>无法读取 {} 的第 {} 行、第 {} 列：{} 文件可能不完整或已损坏。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/jobs.py" />
   <source>the published network: spatial and spectral branch, width 128</source>
   <translation>论文中的网络：空间分支和光谱分支，宽度 128</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/jobs.py" />
   <source>both branches at half the width</source>
   <translation>两个分支，宽度减半</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/jobs.py" />
   <source>the spatial branch alone</source>
   <translation>仅空间分支</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/jobs.py" />
   <source>the spectral branch alone</source>
   <translation>仅光谱分支</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Preparing the folder</source>
   <translation>正在准备文件夹</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Removing what an earlier attempt left</source>
   <translation>正在清除上次安装的残留</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Creating the environment</source>
   <translation>正在创建环境</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Fetching pip</source>
   <translation>正在获取 pip</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Installing PyTorch</source>
   <translation>正在安装 PyTorch</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Installing packages</source>
   <translation>正在安装软件包</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Verifying the engine</source>
   <translation>正在验证引擎</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Building mamba-ssm</source>
   <translation>正在构建 mamba-ssm</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>as chosen</source>
   <translation>按您的选择</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>this system has no CUDA</source>
   <translation>此系统没有 CUDA</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>no driver of an NVIDIA graphics card was found</source>
   <translation>没有找到 NVIDIA 显卡驱动程序</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The disk is full.</source>
   <translation>磁盘已满。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Free some space and install again; what was downloaded is kept.</source>
   <translation>请释放一些空间后重新安装；已下载的内容会保留。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The proxy is a SOCKS proxy, which pip cannot use by itself.</source>
   <translation>代理是 SOCKS 代理，pip 本身无法使用。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Choose an HTTP proxy under Settings ▸ Options ▸ Network in QGIS, or install from a folder of wheels.</source>
   <translation>请在 QGIS 的“设置 ▸ 选项 ▸ 网络”中选择 HTTP 代理，或者从 wheel 文件夹安装。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Paths in the engine's folder are longer than this system allows.</source>
   <translation>引擎文件夹中的路径超过了此系统允许的长度。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>On Windows, have an administrator enable long paths (“Enable Win32 long paths” of the group policies) and install again. What was downloaded is kept.</source>
   <translation>在 Windows 上，请管理员启用长路径（组策略中的“启用 Win32 长路径”），然后重新安装。已下载的内容会保留。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The proxy refused the connection.</source>
   <translation>代理拒绝了连接。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Check the proxy under Settings ▸ Options ▸ Network in QGIS: its address, user and password.</source>
   <translation>请在 QGIS 的“设置 ▸ 选项 ▸ 网络”中检查代理的地址、用户名和密码。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The server's certificate is not trusted.</source>
   <translation>服务器的证书不受信任。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Where a company's proxy replaces certificates, add its certificate under Settings ▸ Options ▸ Authentication ▸ Manage Certificates in QGIS. A wrong clock of the computer has the same effect.</source>
   <translation>如果公司的代理会替换证书，请在 QGIS 的“设置 ▸ 选项 ▸ 认证 ▸ 管理证书”中添加其证书。计算机时钟不正确也会造成同样的问题。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The package index cannot be reached.</source>
   <translation>无法访问软件包索引。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Check the network connection, and the proxy under Settings ▸ Options ▸ Network in QGIS, then install again; what was downloaded is kept. Without a network, install from a folder of wheels.</source>
   <translation>请检查网络连接以及 QGIS 的“设置 ▸ 选项 ▸ 网络”中的代理，然后重新安装；已下载的内容会保留。没有网络时，请从 wheel 文件夹安装。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>A package is not the one that the plugin was tested with: its digest differs.</source>
   <translation>有一个软件包与插件测试时所用的不同：其摘要不一致。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Install again. If that does not help, the package index changes its files; choose another one in the settings, and report it.</source>
   <translation>请重新安装。如果仍不成功，说明软件包索引更改了文件；请在设置中选择其他索引，并报告此问题。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The package index refuses access.</source>
   <translation>软件包索引拒绝访问。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Where it asks for a user and a password, write them into the file .netrc of your home folder (machine HOST login USER password PASSWORD) and install again. Else ask whoever runs the index.</source>
   <translation>如果它要求用户名和密码，请将其写入您主文件夹的 .netrc 文件（machine HOST login USER password PASSWORD），然后重新安装。否则请咨询该索引的管理者。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The package index answers with an error.</source>
   <translation>软件包索引返回错误。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Check the address of the package index in the settings; empty takes pip's own.</source>
   <translation>请检查设置中软件包索引的地址；留空则使用 pip 自带的索引。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>There is no ready-made package for this computer and its Python.</source>
   <translation>没有适用于此计算机及其 Python 的现成软件包。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Needed are a 64-bit Python 3.10 to 3.13 on Windows, on Linux (x86-64 or ARM), or on macOS 14 or later with an Apple processor. Name another Python in the settings, or complete the folder of wheels.</source>
   <translation>需要 Windows、Linux（x86-64 或 ARM）或采用 Apple 处理器的 macOS 14 及更高版本上的 64 位 Python 3.10 至 3.13。请在设置中指定其他 Python，或者补全 wheel 文件夹。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The folder cannot be written.</source>
   <translation>无法写入该文件夹。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Make the folder writable, close other programs that use it (a running QGIS or engine, a virus scanner), and install again.</source>
   <translation>请使该文件夹可写，关闭正在使用它的其他程序（运行中的 QGIS 或引擎、杀毒软件），然后重新安装。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The memory ran out.</source>
   <translation>内存不足。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Close other programs and install again.</source>
   <translation>请关闭其他程序后重新安装。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Python comes without pip, and none can be fetched without a network.</source>
   <translation>Python 没有附带 pip，而没有网络时无法获取。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Put the wheel of pip that is named below into the folder of wheels. Or, on Debian and Ubuntu: sudo apt install python3-venv. Or name another Python.</source>
   <translation>请将下面提到的 pip 的 wheel 放入 wheel 文件夹。在 Debian 和 Ubuntu 上也可以运行：sudo apt install python3-venv。或者指定其他 Python。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Another installation of the engine is running, in another QGIS perhaps.</source>
   <translation>另一个引擎安装正在进行，可能是在另一个 QGIS 中。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Wait until it is done. One that was killed ends by itself within a minute.</source>
   <translation>请等待其完成。被强行终止的安装会在一分钟内自行结束。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The new engine does not work.</source>
   <translation>新引擎无法工作。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The log holds the whole report. A virus scanner that blocks files, or missing system libraries, have this effect.</source>
   <translation>完整报告在日志中。杀毒软件拦截文件或缺少系统库都会造成这种情况。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The folder of wheels does not exist.</source>
   <translation>wheel 文件夹不存在。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Choose another one.</source>
   <translation>请选择其他文件夹。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>This Python is too old or too new.</source>
   <translation>此 Python 版本过旧或过新。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The engine needs Python 3.10 to 3.13.</source>
   <translation>引擎需要 Python 3.10 至 3.13。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>There is no build of PyTorch with CUDA for this system.</source>
   <translation>没有适用于此系统的 CUDA 版 PyTorch。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Choose the build for the processor.</source>
   <translation>请选择处理器构建版本。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The folder is there already, and holds something else than an engine.</source>
   <translation>该文件夹已存在，其中的内容不是引擎。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Name a folder that does not exist yet.</source>
   <translation>请指定一个尚不存在的文件夹。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The kernels of mamba-ssm could not be built.</source>
   <translation>无法构建 mamba-ssm 的内核。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The engine works without them. The log tells what the compilers said.</source>
   <translation>没有这些内核引擎同样可以工作。编译器的输出在日志中。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The installation failed.</source>
   <translation>安装失败。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>The log holds the details.</source>
   <translation>详细信息在日志中。</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>they are built on Linux alone</source>
   <translation>只能在 Linux 上构建</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>the engine has PyTorch's build for the processor</source>
   <translation>引擎使用的是处理器版 PyTorch</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>CUDA's compiler nvcc was not found (CUDA_HOME, PATH, /usr/local/cuda)</source>
   <translation>没有找到 CUDA 的编译器 nvcc（CUDA_HOME、PATH、/usr/local/cuda）</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>a C++ compiler was not found</source>
   <translation>没有找到 C++ 编译器</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>nvcc is not of the CUDA that PyTorch is built for</source>
   <translation>nvcc 与 PyTorch 所用的 CUDA 版本不一致</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>no NVIDIA graphics card of compute capability 7.5 or later was found</source>
   <translation>没有找到计算能力为 7.5 或更高的 NVIDIA 显卡</translation>
  </message>
  <message>
   <location filename="../../core/mambahsi/installer/texts.py" />
   <source>Python's headers are missing (on Debian and Ubuntu: python3-dev)</source>
   <translation>缺少 Python 头文件（Debian 和 Ubuntu 上为 python3-dev）</translation>
  </message>
 </context>
</TS>
