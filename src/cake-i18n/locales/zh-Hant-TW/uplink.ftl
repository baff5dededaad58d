# 伺服器本身的網路。

operation-setup_network_try = 在設定精靈試用另一組網路
operation-setup_network_confirm = 在設定精靈確認新網路
operation-setup_network_cancel = 在設定精靈回到先前的網路
operation-network_try = 試用伺服器的另一組網路設定
operation-network_confirm = 確認伺服器的新網路
operation-network_cancel = 回到伺服器先前的網路

event-port-up = 伺服器「{ $name }」的連接埠{ $port }：線路已接通。
event-port-down = 伺服器「{ $name }」的連接埠{ $port }：線路已中斷。
event-network-confirmed = 伺服器「{ $name }」的新網路已確認。
event-network-returned = { $end ->
    [expired] 伺服器「{ $name }」的新網路沒有及時確認，已恢復先前的網路。
    [cancelled] 伺服器「{ $name }」的新網路已取消，已恢復先前的網路。
    [restarted] 伺服器「{ $name }」的新網路在確認前，代理程式重新啟動，已恢復先前的網路。
   *[failed] 伺服器「{ $name }」沒有接受新網路，已恢復先前的網路。
}

problem-network-tried-short = 正在試用另一組網路
problem-network-tried = 「{ $name }」正在試用另一組網路。
problem-network-tried-next = 請先確認它或回到先前的網路，再試下一組。
problem-no-network-tried-short = 沒有試用中的網路
problem-no-network-tried = 「{ $name }」目前沒有試用中的網路，以最後確認的為準。
problem-no-network-tried-next = 請查看這台伺服器的網路，需要時再試一次。
problem-network-not-yet-short = 尚未套用
problem-network-not-yet = 「{ $name }」還沒有套用新網路。
problem-network-not-yet-next = 請等幾秒鐘再確認。
problem-network-not-reached-short = 不是經由新位址連線
problem-network-not-reached = 「{ $name }」的新網路要經由它的新位址（{ $addresses }）確認；這個連線是經由別的位址連進來的，無法證明新位址可用。
problem-network-not-reached-next = 請以新位址開啟主控台，在那裡登入後確認。

reason-uplink-method = 只能是「dhcp」或「static」
reason-uplink-bond = 只能是「active-backup」或「lacp」
reason-uplink-address = 位址要寫上前置長度，例如192.0.2.7/24
reason-uplink-ip = 這裡要填IP位址，例如192.0.2.1
reason-uplink-address-missing = 需要固定位址，例如192.0.2.7/24
reason-uplink-dhcp = 這由DHCP提供；要自行指定，請選擇固定位址
reason-uplink-address-network = 這是網路本身的位址；伺服器需要網路中自己的位址
reason-uplink-address-broadcast = 這是該網路的廣播位址
reason-uplink-address-unusable = 這不能是其他電腦連得到的位址
reason-uplink-gateway-family = 沒有同類（IPv4、IPv6）的位址
reason-uplink-gateway-outside = 它不在位址所屬的網路中，因此連不到
reason-uplink-gateway-own = 這是伺服器自己的位址
reason-uplink-gateways = IPv4和IPv6各只能有一個閘道
reason-uplink-domain = 這裡要填網域，例如example.com
reason-uplink-link = 這裡要填連接埠的名稱或MAC位址
reason-uplink-twice = 這裡重複了
reason-uplink-no-port = 這台伺服器沒有這個連接埠

field-method = 位址
field-addresses = 位址
field-gateways = 閘道
field-dns = DNS伺服器
field-search = 搜尋網域
field-vlan = VLAN
field-links = 連接埠
field-bond = 多個連接埠
field-mtu = 最大封包（MTU）

uplink-method-dhcp = 由DHCP取得
uplink-method-static = 固定
bond-mode-active-backup = 一個傳輸，其他待命接手
bond-mode-lacp = 全部一起傳輸（LACP）
uplink-source-static = 固定
uplink-source-dhcp = DHCP
uplink-source-router = 路由器
uplink-source-link-local = 僅限這條線路
uplink-source-other = 其他
uplink-from = { $address }（{ $source }）
uplink-end-confirmed = 上次的變更已確認。
uplink-end-expired = 上次的變更沒有及時確認，已恢復先前的網路。
uplink-end-cancelled = 上次的變更已取消，已恢復先前的網路。
uplink-end-restarted = 上次的變更在確認前，伺服器的代理程式重新啟動，已恢復先前的網路。
uplink-end-failed = 伺服器沒有接受上次的變更，已恢復先前的網路。
uplink-warning-no-dns = 沒有DNS伺服器：無法查詢名稱，因此無法以名稱下載任何東西。
uplink-warning-no-gateway = 沒有閘道：只連得到伺服器自己的網路。
uplink-warning-port-missing = 指定的連接埠有一個不存在。
uplink-warning-no-carrier = 使用的連接埠都沒有接通的線路。

network-uplink = 伺服器本身的網路

uplink-title = 「{ $name }」的網路
uplink-link = 這台伺服器的網路與連接埠
uplink-back = 伺服器背面
uplink-back-text = 插上或拔掉網路線，這裡的連接埠會跟著變化。
uplink-no-ports = 這台伺服器沒有cake認得的網路卡。
uplink-port = 連接埠
uplink-carrier = 線路
uplink-carrier-yes = 已接通
uplink-carrier-no = 沒有線路
uplink-speed = 速度
uplink-role = 用途
uplink-role-active = 傳輸中
uplink-role-ready = 待命接手
uplink-role-spare = 未使用
uplink-mac = MAC位址
uplink-driver = 驅動程式
uplink-neighbor = 另一端
uplink-addresses-now = 位址
uplink-gateways-now = 閘道
uplink-dns-now = DNS伺服器
uplink-none-now = 還沒有。使用DHCP時，請檢查線路是否接通，以及網路中是否有DHCP伺服器。
uplink-warnings = 請注意
uplink-ended = 上次的變更
uplink-trial = 試用至
uplink-trial-title = 正在試用另一組網路
uplink-trial-text = 若沒有及時確認，會自動恢復先前的網路。
uplink-trial-left = 還有{ $seconds }秒
uplink-trial-over = 時間到了，正在恢復先前的網路。
uplink-trial-open = 請以新位址開啟主控台，在那裡登入後確認：
uplink-trial-begins = 伺服器正在套用…
uplink-trial-waits = 新網路還沒有給予位址。取得後，主控台的連結會出現在這裡。
uplink-trial-same = 位址沒有改變，可以直接在這個頁面確認。
uplink-confirm = 確認這個網路
uplink-cancel = 立即恢復
uplink-change = 試用另一組網路
uplink-change-text = 行不通也不會有損失：除非您從新位址確認，否則會自動恢復。
uplink-addresses-hint = 要寫上前置長度，例如192.0.2.10/24；多個以空格分隔，也可用IPv6。
uplink-gateway-hint = 該網路的路由器，例如192.0.2.1。
uplink-dns-hint = 以空格分隔。使用DHCP時留空，就採用DHCP提供的。
uplink-more = 更多：VLAN、連接埠、搜尋網域
uplink-vlan-hint = 1到4094，只有交換器以標記方式送出伺服器的網路時才需要。虛擬機器的網路不變。
uplink-links-hint = 名稱或MAC位址。留空就使用所有連接埠，網路線插在哪裡都可以。
uplink-bond-hint = 只有交換器在這些連接埠設定好LACP時才選用，否則誰也連不到這台伺服器。
uplink-mtu-hint = 1280到9216；留空就沿用連接埠的設定。
uplink-seconds = 確認的時間
uplink-seconds-unit = { $seconds }秒

cli-cmd-node-network = 伺服器本身的網路
cli-cmd-node-network-show = 顯示伺服器的網路、連接埠，以及設定的內容
cli-cmd-node-network-try = 試用另一組網路：除非從新位址確認，否則會自動恢復
cli-cmd-node-network-confirm = 確認試用中的網路；請經由新位址連線
cli-cmd-node-network-cancel = 立即回到先前的網路
cli-arg-node-network-try-dhcp = 採用網路提供的位址
cli-arg-node-network-try-address = 固定位址與前置長度，例如192.0.2.7/24；可以指定多次
cli-arg-node-network-try-gateway = 該網路的路由器；IPv4和IPv6各一個
cli-arg-node-network-try-dns = DNS伺服器；可以指定多次
cli-arg-node-network-try-search = 查詢簡短名稱時使用的網域；可以指定多次
cli-arg-node-network-try-vlan = 伺服器位址所在的VLAN，1到4094
cli-arg-node-network-try-links = 使用的連接埠，以名稱或MAC位址指定；不指定就使用全部
cli-arg-node-network-try-bond = 多個連接埠的用法：active-backup或lacp
cli-arg-node-network-try-mtu = 最大封包的位元組數，1280到9216
cli-arg-node-network-try-seconds = 確認的時間，30到600秒；未指定時為90
cli-node-network-tried = 「{ $name }」試用新網路{ $seconds }秒。新位址：{ $addresses }。請以--url指定其中一個位址，執行「cake node network confirm」確認。
cli-node-network-confirmed = 「{ $name }」的新網路已生效。
cli-node-network-cancelled = 「{ $name }」已回到先前的網路。
