"""Where the better figures come from: title, year, address. What has no address says why."""

EPOCH_COSTS = "Epoch AI, training-cost-trends, commit 263c40a (2025), https://github.com/epoch-research/training-cost-trends"
EPOCH_CHIPS = "Epoch AI, ai-chip-counts, medians, own arithmetic (2025), https://github.com/epoch-research/ai-chip-counts"
EPOCH_TRENDS = "Epoch AI, Trends in Machine Learning Hardware (2023), https://longterm-wiki.vercel.app/resources/2efa03ce0d906d78"
EPOCH_COMPUTE = "Epoch AI, growth of training compute 2010-2024, https://www.longtermwiki.com/source/7d0515f6079d8beb"
EPOCH_SITES = ("Epoch AI, five US sites cross 1 GW in 2026 (2025), "
               "https://www.einpresswire.com/article/864214321/five-ai-data-centers-will-hit-1-gw-in-2026-independent-analysis-shows; "
               "New Carlisle 1.1 GW (2026), https://data-today.net/gigawatt-buildout/")
EPOCH_GW = ("Epoch AI, 29 bn USD per GW of facility (2025), "
            "https://www.nextbigfuture.com/2025/11/first-five-ai-data-center-with-over-one-gigawatt-of-power-arriving-in-2026-2027.html")
HUANG_GW = "J. Huang, 50 to 60 bn USD per GW (2025), https://ainews247.org/story/32053"
PILZ = "Pilz et al. 2025, arXiv 2504.16026, https://arxiv.org/html/2504.16026v2"
PILZ_GROWTH = "Pilz et al. 2025, power of leading systems doubles yearly, https://humanprogress.org/amazing-trends-in-ai-supercomputers/"
LLAMA = "LLaMA paper (2023), arXiv 2302.13971, https://arxiv.org/pdf/2302.13971.pdf"
LLAMA_3 = "Llama 3 paper notes (2024), https://ai-papers.xuzou.cn/papers/llama3_2024"
VILLALOBOS = "Villalobos et al. 2024, arXiv 2211.04325, https://arxiv.org/html/2211.04325v2"
SYNERGY = ("Synergy Research, 2020Q4, via https://blogs.msmvps.com/harrywaldron/2021/12/29/"
           "cloud-hosting-4-companies-provide-67-percent-of-services-in-2021/")
LAUNCHES = "Years of launch of Amazon EC2 (2006), Alibaba Cloud (2009), Microsoft Azure (2010), recalled"
DGX_POWER = ("NVIDIA DGX A100, 6.5 kW at most (2020), https://pcnews.ru/news/"
             "vycislitelnaa_sistema_nvidia_dgx_a100_ampere_osnasaetsa_sestu_blokami_pitania_po_3_kvt-985106.html")
DGX_HEIGHT = ("NVIDIA DGX A100, 26.4 cm = 6U (2020), https://geektopia.es/es/technology/2020/05/14/noticias/"
              "nvidia-anuncia-el-servidor-dgx-a100-ocho-tesla-a100-desde-200-000-dolares.html")
EIA_STATIONS = "US EIA, largest power plants by capacity, 2021, https://www.eia.gov/energyexplained/electricity/electricity-in-the-us-top-10.php"
MINT = ("Reuters citing The Information (2024), https://www.livemint.com/technology/tech-news/"
        "microsoft-openai-plan-100-billion-data-centre-project-stargate-ai-supercomputer-report-11711761454091.html")
FACTBOOK = ("CIA World Factbook of 2024, consumption in 2020 (estimate of the US EIA), "
            "https://github.com/factbook/factbook.json, commit af82d746")
ARITHMETIC = "Arithmetic"
DEFINITION = "George Hotz's definition, as the first essay gives it"
FIRST_ESSAY = "The first essay"
CLOCK = "POSIX time in 32 bits with a sign"
