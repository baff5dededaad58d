# 建築物的市電迴路、電源排插，以及回應SNMP的設備。

kind-device = 裝置
kind-pdu = 電源排插
kind-switch = 交換器

snmp-problem-silent = 那裡沒有回應，或是不接受這個社群字串。請檢查位址、社群字串，以及設備是否已啟用SNMP第2c版。
snmp-problem-no-address = 這個名稱查不到位址。請檢查拼字，或直接填位址。
snmp-problem-sealed = 這台伺服器已無法讀取社群字串。請再輸入一次。
snmp-problem-garbled = 那裡的回應不符合SNMP。請檢查位址與設備的韌體。
snmp-problem-endless = 它送來的表格沒有結尾。請更新設備的韌體。
snmp-problem-unknown = 它有回應，但沒有cake認得的資料。請告訴我們廠牌與型號。
snmp-problem-worker = 負責詢問的程式已結束，正在重新啟動，請稍候。

alert-device-silent-short = 收不到設備
alert-device-silent = 收不到這個設備的回應。{ $why }
alert-device-silent-next = 在此之前看不到它的量測值。它的頁面會顯示最後一次的內容。
alert-feed-dead-short = 迴路沒有電
alert-feed-dead = 迴路{ $feed }沒有電。接在上面的有：{ $servers }
alert-feed-dead-next = 請檢查斷路器，並詢問電力公司。另一個電源接在其他迴路的伺服器會繼續運作；其他的已經斷電。
alert-pdu-load-short = 迴路快滿載
alert-pdu-load = 輸入{ $input }目前是{ $amps }A，上限是{ $limit }A。
alert-pdu-load-next = 請在斷路器跳脫之前，把部分設備改接到其他迴路。每個插座的用電量列在電源排插的頁面。
alert-feed-shared-short = 電源都在同一迴路
alert-feed-shared = 所有電源供應器都接在迴路{ $feed }。這個迴路停電時，伺服器就會斷電。
alert-feed-shared-next = 請把其中一個改插到另一個迴路的電源排插。如果已經是這樣，請在電源排插的頁面註明。

event-device-added = 開始監看設備「{ $name }」。
event-device-removed = 不再監看設備「{ $name }」。
event-outlet-on = 「{ $name }」的插座{ $outlet }已開啟（伺服器：{ $server }）。
event-outlet-off = 「{ $name }」的插座{ $outlet }已關閉（伺服器：{ $server }）。

problem-device-taken-short = 已在監看
problem-device-taken = 「{ $name }」已經使用這個位址。
problem-device-taken-next = 請檢查位址。一個設備只監看一次。
reason-community = 需要1到64個英文字母、數字與符號
reason-community-again = 位址變更時必須再輸入一次
reason-feed = 最多16個字元
reason-outlet = 這裡要填設備上的編號，例如5；串接的第二台則是2.5；每個只能出現一次
field-device-host = 位址
field-community = 社群字串
field-feed = 迴路
field-outlet = 插座
field-outlets = 插座
field-rated-amps = 每個輸入的電流上限（安培）
field-rated-amps-hint = 只有電源排插本身沒有提供時才需要。
field-community-hint = 裝置的SNMP（第2c版）讀取時要求的字串。它只會密封給伺服器，不會顯示給任何人。
field-community-kept = 留空則沿用之前的。位址變更時必須再輸入一次。
field-feed-hint = A、B或您自己的名稱。接在同一個斷路器的電源排插用同一個名稱。

operation-pdu_create = 新增電源排插
operation-pdu_update = 變更電源排插
operation-pdu_delete = 移除電源排插

feeds-title = 市電迴路
feeds-empty-title = 尚未監看任何電源排插
feeds-empty-text = 請新增機櫃裡有網路連接埠的電源排插（PDU）。cake會顯示每個迴路的用電量，在斷路器跳脫前提出警示，並在迴路停電時指出接在上面的伺服器。cake只讀取資料，不會開關任何插座。
feeds-shared = 只接一個迴路的伺服器
feed-shared = 所有電源都接在同一個迴路
feed-none = 尚未指定迴路
feed-says = { $watts }；{ $servers }。
feed-says-dead = 沒有電。{ $servers }。
feed-says-unheard = 收不到它的資料。{ $servers }。
feed-servers = { $count ->
   *[other] 接了{ $count }台伺服器
}
pdus = 電源排插
pdu-feed = 迴路
pdu-health = 狀態
pdu-watts = 功率
pdu-load = 負載
pdu-load-of = { $amps }，上限{ $limit }
pdu-model = 型號
pdu-serial = 序號
pdu-address = 位址
pdu-volts = 電壓
pdu-amps = 電流
pdu-input = 輸入
pdu-inputs = 輸入
pdu-outlet = 插座
pdu-outlets = 插座
pdu-server = 伺服器
pdu-used = 使用中
pdu-used-of = { $all }個中的{ $used }個
pdu-title = 電源排插「{ $name }」
pdu-facts = 基本資料
pdu-called = 自稱
pdu-no-feed = 尚未指定
pdu-change = 變更
pdu-rated-remove = 改用電源排插提供的上限
pdu-remove-title = 移除「{ $name }」？
pdu-remove-text = cake不再詢問它。它和接在上面的設備都不受影響。
pdu-gone = 這個電源排插已移除。
pdu-gone-next = 回到市電迴路
pdu-says-old = 收不到它的回應。這裡是{ $age }的內容。
pdu-says-unheard = 從未收到它的回應。
pdu-says-waiting = 正在第一次詢問。
pdu-says-dead = 沒有電。
pdu-dead-next = 請檢查這個迴路的斷路器，並詢問電力公司。
pdu-unread = 還沒有讀到資料，需要幾秒鐘。
pdu-outlets-change = 指定插座上的伺服器
pdu-outlets-text = cake看不到電線。您在這裡的說明，就是cake知道迴路供應哪些伺服器的依據。
pdu-outlet-named = 插座{ $outlet }
pdu-outlet-none = 沒有cake認得的設備
pdu-no-events = 還沒有發生任何事。
pdu-add = 新增電源排插
pdu-add-text = 有網路連接埠的電源排插（PDU），以SNMP詢問。cake只讀取資料。
pdu-add-yes = 新增
server-feeds = 電源來自
cause-servers = { $count ->
   *[other] 接在上面的伺服器有{ $count }台：{ $names }。
}

cli-cmd-pdu = 電源排插（PDU）與市電迴路，透過SNMP
cli-cmd-pdu-list = 列出電源排插
cli-cmd-pdu-show = 顯示電源排插與它的插座
cli-cmd-pdu-add = 監看另一個電源排插
cli-cmd-pdu-set = 變更電源排插的名稱、位址、迴路、插座或備註
cli-cmd-pdu-remove = 移除電源排插；設備本身不受影響
cli-arg-pdu = 電源排插的名稱或識別碼
cli-arg-pdu-add-name = 電源排插的名稱
cli-arg-pdu-add-host = 它的位址或名稱；連接埠不是161時一併填寫
cli-arg-pdu-add-feed = 接在建築物的哪個迴路：A、B或一個名稱
cli-arg-pdu-add-rated-amps = 每個輸入的電流上限（安培），設備本身沒有提供時使用
cli-arg-pdu-add-outlet = 插座上的伺服器，例如5=web-1；可重複
cli-arg-pdu-add-note = 大家應該知道的事
cli-arg-pdu-add-community-stdin = 從標準輸入讀取SNMP社群字串
cli-arg-pdu-set-name = 新名稱
cli-arg-pdu-set-host = 新的位址或名稱；連接埠不是161時一併填寫
cli-arg-pdu-set-feed = 接在建築物的哪個迴路；留空表示沒有
cli-arg-pdu-set-rated-amps = 每個輸入的電流上限（安培）
cli-arg-pdu-set-outlet = 插座上的伺服器，例如5=web-1；5=表示沒有；可重複，其他插座不變
cli-arg-pdu-set-note = 大家應該知道的事
cli-arg-pdu-set-community-stdin = 從標準輸入讀取SNMP社群字串；不加則沿用之前的
cli-arg-pdu-remove-yes = 不詢問
cli-wrong-outlet = 「{ $value }」不正確：請填插座與伺服器，例如5=web-1。
cli-ask-community = SNMP社群字串：
cli-pdu-added = { $count ->
   *[other] 已新增「{ $name }」。有回應；{ $count }個插座。
}
cli-pdu-added-unheard = 已新增「{ $name }」。還收不到它的回應：{ $why }
cli-pdu-set = 已變更「{ $name }」
cli-pdu-removed = 已移除「{ $name }」
cli-pdu-remove-ask = 移除這個電源排插？

alert-link-flaps-short = 連線時斷時續
alert-link-flaps = { $count ->
   *[other] 連接埠{ $port }的連線在十分鐘內變動了{ $count }次（伺服器：{ $server }）。
}
alert-link-flaps-next = 請先更換網路線，再更換收發模組。若仍持續，可能是連接埠或網路卡故障。
alert-port-errors-short = 連接埠有錯誤
alert-port-errors = { $count ->
   *[other] 連接埠{ $port }在過去一小時有{ $count }個錯誤（伺服器：{ $server }）。
}
alert-port-errors-next = 請檢查網路線與接頭，再更換網路線或收發模組。
alert-cable-moved-short = 網路線換了位置
alert-cable-moved = { $server }原本在連接埠{ $port }，現在是：{ $to }。
alert-cable-moved-next = 如果這樣是對的，請在「網路佈線」頁面確認；如果不對，請插回原處。
alert-link-lost-short = 伺服器沒有連線
alert-link-lost = 連接埠{ $port }原本接到{ $server }，現在沒有連線。
alert-link-lost-next = 請先確認伺服器已開機，再檢查網路線。如果是刻意拔除，請在「網路佈線」頁面確認。
operation-switch_create = 新增交換器
operation-switch_update = 變更交換器
operation-switch_delete = 移除交換器
operation-switch_accept_cabling = 確認網路佈線
cabling-title = 網路佈線
cabling-empty-title = 尚未監看任何交換器
cabling-empty-text = 請新增機櫃裡的交換器。cake會依照設備彼此告知的資料（LLDP）顯示哪個連接埠接到哪台伺服器，指出換了位置的網路線與時斷時續的連線，並計算錯誤。cake只讀取資料，不會變更交換器的任何設定。
cabling-odd = 與之前不同
cabling-accept = 這樣是對的
cable-swapped = 連接埠{ $port }：原本是{ $was }，現在是{ $is }。
cable-moved = { $server }原本在連接埠{ $port }，現在在連接埠{ $to }。
cable-lost = 連接埠{ $port }原本接到{ $server }，現在沒有連線。
switch-says = { $up }個連接埠有連線，{ $servers }個接到伺服器。
switch-add = 新增交換器
switch-add-text = 會回應SNMP的交換器。它透過LLDP得知連接埠接了誰：請在交換器啟用LLDP，伺服器的系統可以時也請啟用。
switch-remove-text = cake不再詢問它。它本身不受影響。
switch-ports = 連接埠
switch-port = 連接埠
switch-link = 連線
switch-leads-to = 接到
switch-errors = 過去一小時的錯誤
switch-changes = 十分鐘內的變動
switch-up = 有連線
switch-down = 沒有連線
switch-shut = 已停用
switch-megabits = { $megabits }Mbit/s
switch-ports-up = 連線數
switch-servers = 伺服器
cli-cmd-switch = 交換器，透過SNMP：連接埠、錯誤，以及連接埠接到哪台伺服器
cli-cmd-switch-list = 列出交換器
cli-cmd-switch-show = 顯示交換器與它的連接埠
cli-cmd-switch-add = 監看另一台交換器
cli-cmd-switch-set = 變更交換器的名稱、位址或備註
cli-cmd-switch-remove = 移除交換器；設備本身不受影響
cli-cmd-switch-accept-cabling = 確認目前的網路佈線是對的
cli-arg-switch = 交換器的名稱或識別碼
cli-arg-switch-add-name = 交換器的名稱
cli-arg-switch-add-host = 它的位址或名稱；連接埠不是161時一併填寫
cli-arg-switch-add-note = 大家應該知道的事
cli-arg-switch-add-community-stdin = 從標準輸入讀取SNMP社群字串
cli-arg-switch-set-name = 新名稱
cli-arg-switch-set-host = 新的位址或名稱；連接埠不是161時一併填寫
cli-arg-switch-set-note = 大家應該知道的事
cli-arg-switch-set-community-stdin = 從標準輸入讀取SNMP社群字串；不加則沿用之前的
cli-arg-switch-remove-yes = 不詢問
cli-switch-added = { $count ->
   *[other] 已新增「{ $name }」。有回應；{ $count }個連接埠。
}
cli-switch-accepted = 已確認「{ $name }」目前的網路佈線是對的。
cli-switch-remove-ask = 移除這台交換器？
