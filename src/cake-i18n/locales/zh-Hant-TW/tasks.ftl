# 工作：需要時間、有進度的事。

task-kind-vm-create = 建立虛擬機器
task-kind-vm-start = 啟動
task-kind-vm-shutdown = 關機
task-kind-vm-stop = 強制關閉
task-kind-vm-reset = 重設
task-kind-vm-pause = 暫停
task-kind-vm-resume = 繼續
task-kind-vm-update = 變更
task-kind-vm-delete = 刪除虛擬機器
task-kind-vm-adopt = 接管
task-kind-vm-bin = 移到垃圾桶
task-kind-vm-restore = 復原
task-kind-image-import = 匯入映像檔
task-kind-vm-nic-add = 加入網路卡
task-kind-vm-nic-remove = 移除網路卡
task-kind-vm-disk-add = 加入磁碟
task-kind-vm-disk-grow = 放大磁碟
task-kind-vm-disk-remove = 移除磁碟
task-kind-vm-export = 匯出虛擬機器
task-kind-vm-cd-insert = 放入光碟
task-kind-vm-cd-eject = 退出光碟

task-vm-create = 建立「{ $name }」
task-vm-start = 啟動「{ $name }」
task-vm-shutdown = 將「{ $name }」關機
task-vm-stop = 強制關閉「{ $name }」
task-vm-reset = 重設「{ $name }」
task-vm-pause = 暫停「{ $name }」
task-vm-resume = 繼續「{ $name }」
task-vm-update = 變更「{ $name }」
task-vm-delete = 刪除「{ $name }」
task-vm-adopt = 接管「{ $name }」
task-vm-bin = 將「{ $name }」移到垃圾桶
task-vm-restore = 復原「{ $name }」
task-image-import = 匯入映像檔「{ $name }」
task-vm-nic-add = 為「{ $name }」加入網路卡
task-vm-nic-remove = 從「{ $name }」移除網路卡
task-vm-disk-add = 為「{ $name }」加入磁碟
task-vm-disk-grow = 放大「{ $name }」的磁碟
task-vm-disk-remove = 從「{ $name }」移除磁碟
task-vm-export = 匯出「{ $name }」
task-vm-cd-insert = 將光碟放入「{ $name }」的光碟機
task-vm-cd-eject = 從「{ $name }」退出光碟

task-state-running = 進行中
task-state-done = 完成
task-state-failed = 失敗
task-state-cancelled = 已取消

# 工作做了什麼。「name」是虛擬機器的名稱。
task-done-vm-create = 已建立「{ $name }」。
task-done-vm-start = 已啟動「{ $name }」。
task-done-vm-shutdown = 「{ $name }」已關機。
task-done-vm-stop = 已強制關閉「{ $name }」。
task-done-vm-reset = 已重設「{ $name }」。
task-done-vm-pause = 已暫停「{ $name }」。
task-done-vm-resume = 「{ $name }」繼續執行。
task-done-vm-update = 已變更「{ $name }」。
task-done-vm-delete = 已刪除「{ $name }」。
task-done-vm-adopt = 已接管「{ $name }」。
task-done-vm-bin = 「{ $name }」已移到垃圾桶。
task-done-vm-restore = 「{ $name }」已復原。
task-done-image-import = 映像檔「{ $name }」可以使用了。
task-done-vm-nic-add = 「{ $name }」有了新的網路卡。
task-done-vm-nic-remove = 「{ $name }」的網路卡已移除。
task-done-vm-disk-add = 「{ $name }」有了新的磁碟。
task-done-vm-disk-grow = 「{ $name }」的磁碟已放大。客體可能還要放大它的檔案系統。
task-done-vm-disk-remove = 「{ $name }」的磁碟與其中的資料已不存在。
task-done-vm-export = 「{ $name }」的匯出檔可以下載了。
task-done-vm-cd-insert = 「{ $name }」有了這片光碟。
task-done-vm-cd-eject = 「{ $name }」的光碟機是空的。

# 工作原本要做什麼，以及沒做到的原因
task-ended = { $title }：{ $why }
task-end-done = 已完成。
task-end-failed = 沒有成功。
task-end-cancelled = 完成前已取消。
task-end-superseded = 已由較新的要求取代。
task-end-removed = 期間已被刪除。
task-end-interrupted = 已中斷，請再要求一次。
task-end-restored = 製作所還原的備份時，這項工作還在進行。
task-end-lost = 沒有任何伺服器有它。
task-end-refused = 伺服器拒絕了。
task-end-crashed = 虛擬機器當掉了。
task-end-killed = 虛擬機器的行程被外部終止。
task-end-not-running = 虛擬機器沒有在執行。
