# 事件：發生了什麼。`name` 是對象的名稱。

severity-info = 資訊
severity-warning = 警告
severity-error = 錯誤

event-setup-done = 設定完成：這個雲端名為「{ $name }」。
event-control-started = cake { $version }已啟動。
event-node-connected = 伺服器「{ $name }」已連線。
event-node-disconnected = 伺服器「{ $name }」沒有回應。它的虛擬機器會繼續執行。
event-vm-created = 已建立虛擬機器「{ $name }」。
event-vm-started = 虛擬機器「{ $name }」已啟動。
event-vm-stopped = 虛擬機器「{ $name }」已停止。
event-vm-paused = 虛擬機器「{ $name }」已暫停。
event-vm-resumed = 虛擬機器「{ $name }」繼續執行。
event-vm-halted-by-guest = 虛擬機器「{ $name }」自行關機。
event-vm-crashed = 虛擬機器「{ $name }」當掉了。
event-vm-restarted = 虛擬機器「{ $name }」自行結束後，已重新啟動。
event-vm-failed = 虛擬機器「{ $name }」失敗。{ $why }
event-vm-deleted = 已刪除虛擬機器「{ $name }」。
event-vm-orphaned = 虛擬機器「{ $name }」正在伺服器上執行，但cake的記錄裡沒有它。沒有移除任何東西。
event-vm-lost = cake的記錄裡有虛擬機器「{ $name }」，但沒有任何伺服器有它。
event-vm-binned = 虛擬機器「{ $name }」已移到垃圾桶。
event-vm-restored = 已復原虛擬機器「{ $name }」。
event-image-imported = 已匯入映像檔「{ $name }」，可以使用。
event-image-import-failed = 無法匯入映像檔「{ $name }」。{ $why }
event-image-deleted = 已刪除映像檔「{ $name }」。
event-image-binned = 映像檔「{ $name }」已移到垃圾桶。
event-image-restored = 已復原映像檔「{ $name }」。
event-volume-created = 已建立磁碟「{ $name }」。
event-volume-deleted = 已刪除磁碟「{ $name }」與其中的資料。
event-volume-binned = 磁碟「{ $name }」已移到垃圾桶。
event-volume-restored = 已復原磁碟「{ $name }」。
event-alert-began = 「{ $name }」的警示：{ $what }
event-alert-ended = 「{ $name }」的警示已解除：{ $what }
event-system-restored = 已從{ $made_at }的備份還原「{ $name }」的設定。
event-login-failed = 有人從{ $address }嘗試以「{ $claimed }」登入，但失敗了。
