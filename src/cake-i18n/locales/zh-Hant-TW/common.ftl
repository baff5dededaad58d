# 到處都會用到的詞：狀態、種類、時間單位。

brand = cake
count-vms = { $count ->
   *[other] { $count }台虛擬機器
}
count-servers = { $count ->
   *[other] { $count }台伺服器
}
count-tasks = { $count ->
   *[other] { $count }項工作
}
count-cpus = { $count ->
   *[other] { $count }個vCPU
}
count-disks = { $count ->
   *[other] { $count }個磁碟
}

age-now = 剛剛
age-minutes = { $count ->
   *[other] { $count }分鐘前
}
age-hours = { $count ->
   *[other] { $count }小時前
}
age-days = { $count ->
   *[other] { $count }天前
}
duration-moment = 不到一秒
duration-seconds = { $count ->
   *[other] { $count }秒
}
duration-minutes = { $count ->
   *[other] { $count }分鐘
}
duration-hours = { $count ->
   *[other] { $count }小時
}
duration-days = { $count ->
   *[other] { $count }天
}

# 虛擬機器的狀態
state-pending = 等候伺服器回應
state-provisioning = 準備磁碟中
state-stopped = 已停止
state-starting = 啟動中
state-running = 執行中
state-paused = 已暫停
state-shutting-down = 關機中
state-stopping = 停止中
state-failed = 失敗
state-deleting = 刪除中
state-lost = 遺失
state-orphaned = 無主
state-done = 完成
state-cancelled = 已取消
state-binned = 在垃圾桶裡
state-free = 未使用
state-attached = 在虛擬機器中
state-leaving = 客體正在放開
state-available = 可以使用
state-built-in = cake內附
state-ending = 結束中
state-receiving = 接收中
state-checking = 檢查中
state-converting = 轉換中
state-waiting = 等候中
state-packing = 打包中

# 種類
kind-vm = 虛擬機器
kind-image = 映像檔
kind-volume = 磁碟
kind-pool = 儲存池
kind-node = 伺服器
kind-account = 帳號
kind-token = API權杖
kind-task = 工作
kind-settings = 設定
kind-event = 事件
kind-audit = 稽核記錄
kind-query = 已儲存的搜尋
kind-backup = 備份
kind-support-bundle = 支援套件
kind-role = 角色
kind-nic = 網路卡
kind-alert = 警示
kind-disk = 磁碟
kind-export = 匯出檔

firmware-bios = BIOS
firmware-uefi = UEFI
firmware-direct = 直接啟動核心

network-none = 不連網路
network-nat = 共用位址（NAT）
network-bridge = 橋接「{ $name }」

restart-never = 永不
restart-on-crash = 當掉之後
restart-always = 一律
priority-none = –
priority-low = 低
priority-normal = 一般
priority-high = 高

image-format-raw = Raw磁碟
image-format-qcow2 = qcow2磁碟
image-format-iso = 光碟（ISO）
image-format-kernel = 核心（PVH）

os-linux = Linux
os-windows = Windows
os-other = 其他

exit-guest = 客體自行關機
exit-crash = 虛擬機器當掉
exit-killed = 虛擬機器的行程被外部終止

accelerator-kvm = 硬體虛擬化（KVM）
accelerator-tcg = 軟體轉譯（TCG）
tcg-no-device = 這台伺服器沒有KVM：韌體設定裡關閉了虛擬化，或伺服器本身就是虛擬機器。
tcg-no-permission = 有KVM，但cake沒有權限開啟。
tcg-guest-did-not-run = 有KVM，但測試用的客體無法用它執行。
tcg-asked = 管理員指定使用軟體轉譯。

role-administrator = 管理員
role-operator = 操作員
role-viewer = 檢視者
permission-view = 檢視
permission-operate = 啟動與停止虛擬機器
permission-manage = 建立、變更與刪除虛擬機器
permission-audit = 讀取稽核記錄
permission-administer = 變更設定與帳號

action-start = 啟動
action-shutdown = 關機
action-stop = 強制關閉
action-reset = 重設
action-pause = 暫停
action-resume = 繼續
action-delete = 刪除
action-update = 變更
action-adopt = 接管
action-console = 開啟主控台
action-cancel = 取消
action-upload = 傳送一部分
action-bin = 刪除
action-restore = 復原
action-export = 匯出
action-replace-engine = 換用新版QEMU
action-attach = 接上
action-detach = 卸下
action-grow = 放大
action-download = 下載
action-this = 這麼做

# 要求中的欄位，用於拒絕訊息
field-memory = 記憶體
field-disk = 磁碟
field-image = 映像檔
field-size = 大小
field-bin_days = 垃圾桶保留天數
field-local_name = 網路上的名稱
field-announce = 是否告知網路上的電腦
field-sha256 = 檢查碼（SHA-256）
field-path = 資料夾
field-users = 使用者
field-user_data = user-data
field-ssh_keys = SSH金鑰
field-network = 網路
field-forwards = 轉送
field-tokens = API權杖
field-expires_in_days = 有效期間
field-time_zone = 時區
field-per_kwh = 每度電的價格
field-currency = 幣別
field-tags = 標籤
field-queries = 已儲存的搜尋
field-calendar = 曆法
field-note = 附註
field-vms = 虛擬機器

# 虛擬機器失敗的原因與處理方式
failure-qemu-start = 虛擬機器的行程還沒回應就結束了。
failure-qemu-start-next = 請再啟動一次。若仍然失敗，請看下方的詳細資訊與伺服器的記錄。
failure-qmp-protocol = 虛擬機器的行程沒有正常回應。
failure-qmp-protocol-next = 請強制關閉後再啟動。下方的詳細資訊可提供給技術支援。
failure-disk = 無法建立或開啟磁碟。
failure-disk-next = 請確認儲存池可以使用，再啟動虛擬機器。
failure-no-space = 儲存池已滿。
failure-no-space-next = 請騰出儲存池的空間，或刪除不再需要的虛擬機器，然後再試一次。
failure-image-missing = 伺服器上找不到這台虛擬機器所用的映像檔。
failure-image-missing-next = 請到「映像檔」把它放回來，再啟動虛擬機器。
failure-pool-missing = 這台伺服器上沒有這個儲存池。
failure-pool-missing-next = 請確認它的硬碟已接上並掛載，再啟動虛擬機器。
failure-hardware = 這台伺服器沒有虛擬機器需要的硬體。
failure-hardware-next = 請把虛擬機器的磁碟移到合適的伺服器，或在這裡重新建立。
failure-memory = 伺服器的可用記憶體不足。
failure-memory-next = 請停止其他虛擬機器，或用較少的記憶體重新建立這一台。
failure-guest-ignored-shutdown = 客體沒有在時間內關機。
failure-guest-ignored-shutdown-next = 請從主控台登入後關機，或強制關閉。
failure-bridge-missing = 這台伺服器上沒有虛擬機器所連的橋接器。
failure-bridge-missing-next = 請在伺服器上建立橋接器，或給虛擬機器換一張網路卡，然後再啟動。
failure-port-taken = 這台伺服器上已有其他程式使用要通往虛擬機器的連接埠。
failure-port-taken-next = 請結束那個程式，或給虛擬機器一張用其他連接埠的網路卡，然後再啟動。
failure-network = 無法把虛擬機器連上網路。
failure-network-next = 請看下方的詳細資訊，再啟動虛擬機器。
failure-guest-ignored-unplug = 客體沒有在時間內放開裝置。
failure-guest-ignored-unplug-next = 網路線已經拔掉。虛擬機器關機後裝置就會移除；還在開機的客體可稍後再要求一次。
failure-cd-locked = 客體鎖住了它的光碟機。
failure-cd-locked-next = 請在客體裡退出光碟，或強制打開光碟機：正在讀光碟的程式會看到錯誤。
failure-engine-refused = 新版QEMU沒有接手這個客體；客體仍在原本的QEMU裡執行。
failure-engine-refused-next = 原因請見下方的詳細資訊。這台虛擬機器最晚會在下次關機再啟動時換用新版QEMU。
failure-called-off = 在有任何變動之前就取消了。
failure-called-off-next = 不需要做任何事，一切維持原狀。

# 磁碟
disk-state-coming = 正在接上
disk-state-growing = 正在放大
disk-state-leaving = 客體正在放開
disk-state-failed = 與要求不符

# 光碟機
cd-empty = 空的
cd-state-changing = 正在更換
cd-state-waiting = 已請客體打開托盤
cd-state-failed = 客體鎖住了它，或有其他問題
failure-seal = 這台伺服器無法開啟虛擬機器的密封機密。
failure-seal-next = 請用復原金鑰還原伺服器的金鑰，或重新建立虛擬機器。
failure-crash-loop = 它一再當掉，因此cake每次都會等更久才再試。
failure-crash-loop-next = 請從主控台看看客體的訊息，再啟動一次。
failure-image-unknown = 這個檔案不能用來建立虛擬機器。
failure-image-unknown-next = 請使用磁碟（raw、qcow2、單一檔案的VMDK、VHDX）、單一檔案的虛擬機器（OVA）或光碟（ISO）。若檔案經過壓縮（.gz、.xz、.zip），請先解壓縮。
failure-image-broken = 檔案不完整或已損壞。
failure-image-broken-next = 請重新向原廠下載並比對檢查碼，再匯入一次。
failure-image-names-files = 這個檔案參照了其他檔案，本身並不完整。
failure-image-names-files-next = 請先轉成沒有後端檔案或上層磁碟的單一檔案，再匯入。
failure-image-encrypted = 這個檔案已加密。
failure-image-encrypted-next = 請在來源處解密，再匯入一次。
failure-package-several = 這個檔案裡不只一台虛擬機器。
failure-package-several-next = 請在來源處將每台虛擬機器各自匯出成一個OVA，再逐一匯入。
failure-package-compressed = 檔案裡的磁碟又再壓縮過一次。
failure-package-compressed-next = 請重新匯出虛擬機器，不要壓縮其中的檔案（一般的OVA不會壓縮），再匯入。
failure-checksum-differs = 這不是原廠公布的檔案：檢查碼不同。
failure-checksum-differs-next = 請確認檢查碼屬於這個檔案，再重新下載並匯入。
failure-fetch-failed = 無法從指定的網址下載檔案。
failure-fetch-failed-next = 請確認網址正確且有回應，再重新開始；或先下載檔案，再從您的電腦傳送。
failure-fetch-forbidden = 網址指向伺服器本身，或只有它連得到的地方。
failure-fetch-forbidden-next = 請先下載檔案，再從您的電腦傳送。
failure-fetch-changed = 下載期間檔案被換掉了。
failure-fetch-changed-next = 請重新開始。
failure-stick-gone = 隨身碟沒有插著，或在檔案讀完之前被拔除。
failure-stick-gone-next = 請把它重新插上伺服器，不要拔除，再選一次檔案。沒有留下任何不完整的檔案。
failure-stick-unreadable = 無法從隨身碟讀出這個檔案。
failure-stick-unreadable-next = 請確認其他電腦還能讀取這個檔案；可改用另一支隨身碟，或從您的電腦傳送。沒有留下任何不完整的檔案。
failure-stick-changed = 隨身碟上的檔案已不是當初選的那一個。
failure-stick-changed-next = 請重新選擇：頁面會顯示隨身碟上目前的內容。
failure-vm-changed = 匯出期間，虛擬機器曾經執行，或磁碟有變動。
failure-vm-changed-next = 請將虛擬機器關機，匯出完成前不要啟動，再重新匯出。沒有留下任何不完整的檔案。
failure-bmc-silent = 伺服器的BMC沒有回應。
failure-bmc-silent-next = 請檢查它的電源與網路，以及cake記得的位址。再次要求之前，請先查看伺服器的狀態：剛才的要求可能已經執行。
failure-bmc-refused = 伺服器的BMC不接受使用者或密碼，或不允許這個使用者這麼做。
failure-bmc-refused-next = 請在「伺服器」輸入正確的使用者與密碼。為了避免帳號被鎖定，cake不會再嘗試舊的。
failure-bmc-unsupported = 伺服器的BMC無法做到。
failure-bmc-unsupported-next = 請查閱製造商的手冊，或直接在伺服器上操作。
failure-bmc-failed = 伺服器的BMC回報失敗，或回應不合規範。
failure-bmc-failed-next = 請再試一次。如果仍然如此，請重新啟動BMC或更新它的韌體。
failure-interrupted = cake在中途被打斷：可能已經執行，也可能沒有。
failure-interrupted-next = 請看看伺服器現在的狀態，需要時再要求一次。
failure-internal = cake內部發生問題。
failure-internal-next = 請再試一次。若再次發生，請把下方的詳細資訊提供給技術支援。

# 名稱或答案不被接受的原因
reason-name-empty = 沒有填寫
reason-name-too-long = 超過63個字元
reason-name-edge = 開頭與結尾必須是文字或數字
reason-name-character = 只能有文字、數字，以及夾在中間的單個「-」「_」「.」或空格
reason-name-repeated = 「-」「_」「.」與空格不能兩個相連
reason-name-host = 主機名稱只能有a–z、0–9與「-」
reason-name-id = 看起來像識別碼
reason-kernel-has-no-disk = 核心映像檔啟動時不用磁碟
reason-network = 只能是「none」、「nat」，或「bridge:」加上橋接器的名稱
reason-nat-needs-stop = 啟動時沒有NAT的虛擬機器，只有在關閉時才能加上
reason-forward = 轉送要寫成tcp:8080:80：通訊協定、伺服器的連接埠、客體的連接埠
reason-forward-twice = 伺服器的同一個連接埠出現了兩次
reason-forwards-need-nat = 只有NAT的網路卡有轉送；在橋接器上，所有連接埠都是客體自己的
reason-needs-uefi = 只有UEFI有安全開機
reason-needs-firmware = 直接進入的核心沒有TPM
reason-language = 主控台沒有這種語言
reason-password-too-long = 密碼最多1,024個位元組
reason-image-unavailable = 映像檔不在伺服器上
reason-image-no-cd = 它不是光碟（ISO檔）
reason-checksum = SHA-256檢查碼是64個十六進位數字
reason-missing = 沒有提供
reason-ssh-key = 這不是OpenSSH單行格式的公開金鑰
reason-users-or-user-data = 請提供使用者與金鑰，或user-data，不要兩者都給
reason-too-many = 數量過多
reason-user-name = 使用者名稱以a–z或「_」開頭，只能有a–z、0–9、「_」與「-」，最多32個字元
reason-time-zone = 沒有這個時區
reason-password-too-short = 密碼至少要8個字元
reason-password-twice = 請只提供密碼或其雜湊值，不要兩者都給
reason-password-missing = 沒有提供密碼
reason-password-hash = 雜湊值不是PHC格式的argon2id
reason-pool-path = 資料夾必須是絕對路徑，且不含「..」
reason-tag-empty = 標籤沒有填寫
reason-tag-too-long = 標籤最多63個字元
reason-tag-character = 標籤只能有a–z、0–9，以及夾在中間的「-」「.」或「_」
reason-tag-edge = 標籤的開頭與結尾必須是字母或數字
reason-tag-too-many = 標籤最多16個
reason-calendar = 沒有這種曆法
reason-query-field = 沒有這個欄位
reason-query-value = 這個欄位沒有這個值
reason-query-size = 這不是容量
reason-query-number = 這不是數字
reason-query-time = 這不是日期或時間
reason-query-age = 這不是時間長度
reason-query-compare = 這個欄位不能這樣比較
reason-query-missing = 這裡少了內容
reason-query-quote = 引號沒有成對
reason-query-parenthesis = 括號沒有成對
reason-query-too-long = 搜尋文字太長
reason-query-too-many = 條件太多
reason-query-too-deep = 括號層數太多

actor-account-token = { $name }（API權杖）
actor-system = cake本身
actor-root = 伺服器上的root
actor-setup = 設定精靈
actor-unknown = 不明（{ $claimed }）
audit-done = 完成
audit-refused = 拒絕：{ $why }

# What is measured: titles, then measures beneath their title
usage-cpu = 處理器
usage-memory = 記憶體
usage-swap = 置換空間
usage-disk = 磁碟
usage-network = 網路
usage-pressure = 等待
usage-cpu-user-percent = 程式
usage-cpu-system-percent = 核心
usage-cpu-iowait-percent = 等待磁碟
usage-cpu-steal-percent = 被取走
usage-cpu-busy-processors = 忙碌
usage-memory-used-bytes = 已用
usage-memory-available-bytes = 可用
usage-memory-cached-bytes = 快取
usage-memory-taken-bytes = 在伺服器上佔用
usage-swap-used-bytes = 已用
usage-disk-read-bytes-per-second = 讀取
usage-disk-written-bytes-per-second = 寫入
usage-disk-reads-per-second = 讀取次數
usage-disk-writes-per-second = 寫入次數
usage-disk-busy-percent = 最忙的一個
usage-network-received-bits-per-second = 接收
usage-network-sent-bits-per-second = 傳送
usage-network-dropped-packets-per-second = 丟棄的封包
usage-pressure-cpu-some-percent = 等處理器
usage-pressure-memory-some-percent = 等記憶體
usage-pressure-memory-full-percent = 全部都在等記憶體
usage-pressure-io-some-percent = 等磁碟
usage-pressure-io-full-percent = 全部都在等磁碟

# Certificates
kind-certificate = 憑證
reason-certificate-none = 裡面沒有憑證；憑證以-----BEGIN CERTIFICATE-----開頭
reason-certificate-garbage = 它不是PEM格式的憑證
reason-certificate-too-many = 憑證鏈最多10張
reason-certificate-authority = 第一張是憑證授權單位的憑證；主控台自己的憑證應放在最前面
reason-certificate-order = 每一張憑證都必須由下一張簽署
reason-certificate-expired = 它或上層的憑證已經到期
reason-certificate-not-yet = 它或上層的憑證尚未生效；請檢查伺服器的時間
reason-certificate-nameless = 它沒有寫主機名稱（subject alternative name），瀏覽器不會接受
reason-key-none = 裡面沒有私密金鑰；金鑰以-----BEGIN PRIVATE KEY-----開頭
reason-key-garbage = 它不是PEM格式的私密金鑰
reason-key-kind = 不支援這種金鑰；支援RSA、ECDSA P-256、P-384和Ed25519
reason-key-differs = 它不屬於這張憑證
reason-key-encrypted = 它已加密；請先解密（openssl pkey -in KEY -out PLAIN）
reason-key-missing = 沒有提供金鑰，也沒有在這裡產生過簽署要求
reason-dns-name = 它不是DNS名稱（例如cake.example.com），也不是位址
reason-per-kwh = 請填寫大於零、不超過一百萬的數字，例如4.27，小數最多三位
reason-currency = 請填寫三個字母的代碼，例如TWD
reason-local-name = 它須為單一部分的名稱：字母a到z、數字和「-」（不在首尾），最多63個字元，後面可加「.local」；不能是localhost
field-chain = 憑證與憑證鏈（PEM）
field-key = 私密金鑰（PEM）
field-names = 名稱與位址
field-organization = 組織
kind-ups = 不斷電系統
kind-server = 伺服器
exit-host = 由伺服器關機
reason-ups-host = 必須是DNS名稱或位址
reason-ups-word = 可用英文字母、數字和「-」、「_」、「.」、「@」，最多64個字元；密碼可用任何字元
reason-bmc-host = 這裡要填DNS名稱或位址，不加「http://」，也不加連接埠
reason-bmc-user = 最多16個英文字母、數字與符號，不能有空格
reason-bmc-password = 最多20個字元；使用Redfish時最多128個
reason-bmc-key = 最多20個字元，或40個十六進位數字
reason-scan-range = 請輸入像10.0.0.0/24的網路、以「-」相連的兩個位址，或單一位址
reason-scan-backwards = 結尾比開頭小
reason-scan-mixed = 一端是IPv4位址，另一端是IPv6位址
reason-scan-nobody = 沒有機器會使用這樣的位址
reason-note = 最多500個字元
reason-host-name = 只能使用字母a到z、數字和「-」，最多64個字元，各部分之間可用「.」；不能是localhost或位址
reason-clock = 時間須介於2020年與2100年之間
field-host = NUT伺服器
field-port = 連接埠
field-minutes = 分鐘數
ups-none = 沒有監看任何不斷電系統（UPS）。
# 主控台在網路上的名稱。
announce-announced = 網路上的電腦都知道主控台在哪裡。
announce-asking = 正在詢問網路上的電腦，是否有一台已使用這個名稱。
announce-off = 網路上的電腦不會得知主控台在哪裡：此功能已關閉。
announce-this-machine-only = 網路上的電腦不會得知主控台在哪裡，因為主控台只在這台機器上接受連線。
announce-no-link = 無法告知網路上的電腦：沒有任何網路卡同時接好網路線並具有可連到主控台的位址。
announce-nameless = 無法區分這台伺服器與其他伺服器：它沒有序號，也沒有網路卡。請為它選一個名稱。
announce-failed = 無法告知網路上的電腦主控台在哪裡。每半分鐘會再試一次。
announcement-name = 名稱
announcement-url = 在瀏覽器中
announcement-addresses = 指向
announcement-renamed = 網路上另一台電腦已使用「{ $wanted }」，因此這個主控台改用「{ $name }」。
ups-model = 型號
ups-says = 狀態
ups-battery = 電池
ups-charge = 電池
ups-runtime = 可用時間
ups-load = 負載
ups-problem = 問題
ups-names = 可用的名稱
ups-shutdown = 關機
ups-minutes-left = 剩{ $minutes }分鐘
percent = { $percent }%
ups-flag-on-line = 市電
ups-flag-on-battery = 使用電池
ups-flag-low-battery = 電池快用完
ups-flag-replace-battery = 需更換電池
ups-flag-charging = 充電中
ups-flag-discharging = 放電中
ups-flag-bypass = 旁路：沒有保護
ups-flag-calibrating = 電池測試中
ups-flag-off = 輸出已關閉
ups-flag-overload = 過載
ups-flag-trimming = 電壓過高，降壓中
ups-flag-boosting = 電壓過低，升壓中
ups-flag-forced = 即將斷電
ups-problem-unreachable = NUT伺服器沒有回應：請檢查位址、連接埠和防火牆。
ups-problem-unknown = NUT伺服器沒有這個名稱的不斷電系統。
ups-problem-stale = NUT伺服器自己也收不到不斷電系統的訊息：請檢查驅動程式和連接線。
ups-problem-garbled = 在那裡回應的不是NUT伺服器。
ups-problem-login = NUT伺服器拒絕了使用者、密碼或這台伺服器。狀態仍然讀得到，但斷電前不會等這台伺服器。
ups-shutdown-guests = 客體正在關機，接著是伺服器。
ups-shutdown-host = 所有客體都已關機，伺服器正在關機。
ups-shutdown-stays = 客體都已關機。伺服器仍然開著：它不是由cake關機的機器，或systemd沒有執行或拒絕了。
# 為何不變更電腦本身的設定
hands-off-not-appliance = 這台電腦不是cake專用的，cake只是在上面執行：名稱、時鐘、網路和電源請用它自己的工具變更。
hands-off-no-systemd = 這裡的1號程序不是systemd：名稱、時鐘、網路和電源請用這台電腦自己的工具變更。
host-setting-host-name = 主機名稱
host-setting-time-zone = 時區
host-setting-ntp = 網路校時
# 重新啟動或關機的伺服器
leaving-guests-power-off = 伺服器即將關機。{ $guests }台虛擬機器中還有{ $left }台正在關機。
leaving-guests-reboot = 伺服器即將重新啟動。{ $guests }台虛擬機器中還有{ $left }台正在關機。
leaving-host-power-off = 所有虛擬機器都已關機，伺服器正在關機。
leaving-host-reboot = 所有虛擬機器都已關機，伺服器正在重新啟動。
leaving-back-power-off = 已取消關機。先前關機的虛擬機器會再啟動。
leaving-back-reboot = 已取消重新啟動。先前關機的虛擬機器會再啟動。
host-clock-right = 正確，已由網路校時
host-clock-unsure = 未與其他時鐘比對
host-ntp-on = 跟隨網路上的時間伺服器
host-ntp-off = 手動設定
host-ntp-none = 這台電腦沒有校時程式
host-refused = { $setting }未被接受：{ $because }
# 伺服器的硬碟，以及它們的健康狀態。
disk-health = 健康狀態
disk-model = 型號
disk-serial = 序號
disk-temperature = 溫度
disk-hours = 使用時數
disk-worn = 已用壽命
disk-worn-out = 壽命用盡
disk-worn-out-on = 約{ $date }，照最近兩週的磨損速度
disk-reallocated = 已替換的磁區
disk-pending = 無法讀取的磁區
disk-uncorrectable = 未通過檢測的磁區
disk-media-errors = 媒體錯誤
disk-not-looked = 伺服器尚未查看它的硬碟。
disk-bus-nvme = NVMe
disk-bus-ata = SATA
disk-bus-scsi = SAS或SCSI
disk-bus-usb = USB
disk-bus-virtio = 虛擬磁碟
disk-bus-other = 其他
disk-verdict-well = 良好
disk-verdict-failing = 即將故障
disk-verdict-spare = 備用區塊快用完了
disk-verdict-worn = 老化
disk-verdict-wearing = 即將磨損殆盡
disk-verdict-sectors = 有無法讀取的磁區
disk-verdict-hot = 溫度異常
disk-verdict-unknown = 不明
disk-silence-unsupported = 這個硬碟不提供健康資訊。
disk-silence-asleep = 硬碟正在休眠，不會為了查詢而喚醒它。
disk-silence-no-answer = 查詢時硬碟沒有回應。
disk-silence-no-program = 無法查詢硬碟：請查看cake-node的記錄。
# 隨身碟的格式，以及為何看不到檔案
stick-none = 伺服器上沒有插著隨身碟。
stick-not-looked = 伺服器還沒有查看。
stick-no-files = 上面沒有映像檔。
stick-incomplete = 可能還有其他檔案：數量太多、資料夾太深，或在無法讀取的資料夾裡。
stick-format-fat = FAT
stick-format-exfat = exFAT
stick-format-ntfs = NTFS
stick-format-ext = ext4
stick-format-xfs = XFS
stick-format-btrfs = Btrfs
stick-format-hfs = HFS+
stick-format-apfs = APFS
stick-format-iso9660 = 安裝程式專用的格式（ISO 9660）
stick-format-luks = LUKS加密
stick-format-bitlocker = BitLocker加密
stick-format-unknown = 不明的格式
stick-trouble-unsupported = cake無法讀取它的格式。
stick-trouble-broken = 它的檔案系統已損壞。請用寫入它的電腦檢查。
stick-trouble-unclean = 資料還沒寫完就被拔除了。請把它插到電腦上，再正常退出一次。
stick-trouble-unreadable = 無法讀出它的內容。請拔下來重新插上。
stick-trouble-busy = 這台伺服器正把它用在別的地方。
disk-warning-spare = 備用區塊快用完了。
disk-warning-temperature = 過熱或過冷。
disk-warning-reliability = 因為發生錯誤，已不可靠。
disk-warning-read-only = 只能讀取，無法再寫入。
disk-warning-backup = 停電時保護快取的裝置已損壞。
disk-warning-memory = 持久性記憶體已不可靠。
