server-cap = 用電上限
server-cap-asked = 要求
server-cap-force = 生效中
server-cap-takes = BMC接受的範圍
server-cap-free = 不限制
server-cap-left = 無，維持BMC的設定
server-cap-change = 限制用電
field-watts = 瓦數
server-cap-text = 超過上限時，BMC會讓伺服器的處理器變慢，絕不會因此關機。cake每分鐘檢查上限是否仍然生效。
server-cap-between = 這個BMC接受{ $least }到{ $most }。
server-cap-none = 不限制
server-cap-leave = 維持BMC的設定
server-cap-differs = 要求的是{ $watts }。
server-cap-free-asked = 要求的是不限制。
cap-trouble-unsupported = 它的BMC無法限制用電。
cap-trouble-out-of-range = 它的BMC不接受這個上限。
cap-trouble-forbidden = BMC的使用者沒有設定上限的權限：需要operator或administrator。
cap-trouble-failed = 它的BMC沒有採用這個上限。
problem-cap-unsupported-short = 無法限制
problem-cap-unsupported = 「{ $name }」的BMC無法限制用電：它不支援DCMI，也不支援Redfish的用電上限。
problem-cap-unsupported-next = 請在BMC自己的設定尋找「power capping」之類的項目；有些需要製造商的授權。

server-cap-held = 因用電預算受限
server-cap-held-at = 機櫃的用電預算把它限制在{ $watts }。
server-cap-own = 您設定的上限{ $watts }維持不變。
kind-rack = 機櫃
field-power_budget = 用電預算
budget-title = 用電預算
budget-none = 無，不限制
budget-drawn = 目前用電
budget-silent = 不回報用電的伺服器
budget-held = 受限的伺服器
budget-says = 機櫃的用電預算是{ $budget }，伺服器目前共用{ $drawn }。
budget-says-none = 機櫃沒有用電預算：伺服器的用電不受限制。
budget-silent-some = { $count ->
   *[other] 有{ $count }部伺服器不回報用電，沒有計入。
 }
budget-exceeded = 能降速的伺服器都已經降速，仍然不夠。請停止一些虛擬機器、關閉一部伺服器，或提高預算。
budget-held-title = { $count ->
   *[other] 有{ $count }部伺服器受限：
 }
budget-held-at = 上限{ $watts }，{ $why }
budget-why-none = 因為上面沒有執行虛擬機器
budget-why-low = 因為上面只執行低優先順序的虛擬機器
budget-why-normal = 因為上面的虛擬機器是一般優先順序，而只限制更低的還不夠
budget-why-high = 雖然上面執行高優先順序的虛擬機器，但只限制其他伺服器還不夠
budget-change = 設定用電預算
budget-text = 伺服器的總用電接近預算時，會先讓虛擬機器優先順序最低的伺服器變慢。不會關閉任何伺服器。
budget-remove = 不設預算
alert-power-budget-short = 超出用電預算
alert-power-budget = 伺服器目前共用{ $watts }W，機櫃的預算是{ $budget }W。能降速的伺服器都已經降速。
alert-power-budget-next = 請停止可以等的虛擬機器，或關閉一部伺服器。如果電源迴路還能供應更多，請在伺服器的頁面提高用電預算。
event-power-held = 電力不足：{ $budget }W的預算快用完，這些伺服器已經降速：{ $servers }。
event-power-free = 電力恢復充足：不再有伺服器因用電預算而降速。
